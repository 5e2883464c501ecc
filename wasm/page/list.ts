// Some twenty rows of any number of keys: the position of the scroll bar becomes a place in key order, and only the
// rows from there are asked for.

import type { MemoryStore, Row } from 'towline';

const ROW_PIXELS = 24;
/** Browsers draw nothing taller than some 17 million pixels; beyond it the bar is coarser than a row. */
const LIST_PIXELS_MAX = 15_000_000;
const VALUE_BYTES = 80;

const decoder = new TextDecoder();

/** Shows the rows of a store that the list is scrolled to. */
export function drawList(
  list: HTMLElement, height: HTMLElement, body: HTMLTableSectionElement, store: MemoryStore,
): void {
  const { clientHeight, scrollTop } = list;
  const { size } = store;
  const tall = Math.min(size * ROW_PIXELS, LIST_PIXELS_MAX);
  height.style.height = `${tall}px`;
  const shown = Math.ceil(clientHeight / ROW_PIXELS) + 1;
  const scrolls = Math.max(1, tall - clientHeight);
  const exact = (scrollTop / scrolls) * Math.max(0, size - clientHeight / ROW_PIXELS);
  const from = Math.max(0, Math.min(Math.floor(exact), size - 1));
  const table = body.parentElement as HTMLElement;
  table.style.transform = `translateY(${scrollTop - (exact - from) * ROW_PIXELS}px)`;
  fill(body, store.rows(from, shown, VALUE_BYTES));
}

/** Fills the rows, and reuses those that exist. */
function fill(body: HTMLTableSectionElement, rows: readonly Row[]): void {
  while (body.rows.length > rows.length) {
    body.deleteRow(-1);
  }
  rows.forEach((row, index) => {
    const line = body.rows[index] ?? body.insertRow();
    const [key, value] = [line.cells[0] ?? line.insertCell(), line.cells[1] ?? line.insertCell()];
    write(key, decoder.decode(row.key));
    write(value, beginning(row.value, row.valueBytes));
  });
}

/** Returns bytes as text, with a mark where they go on. */
export function beginning(bytes: Uint8Array, whole: number): string {
  return decoder.decode(bytes) + (whole > bytes.length ? '\u2026' : '');
}

/** Writes a text if it changed: an unchanged text needs no new layout. */
export function write(place: Element, text: string): void {
  if (place.textContent !== text) {
    place.textContent = text;
  }
}
