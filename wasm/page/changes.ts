// The last changes, as this tab's own replica received them, the newest first.

import type { Change, MemoryStore } from 'towline';
import { beginning } from './list.js';

/** How many are shown. */
export const CHANGES = 16;

let newest = -1;

/** Puts new changes on top and removes the oldest. */
export function drawChanges(list: HTMLElement, quiet: HTMLElement, store: MemoryStore): void {
  const changes = store.recent();
  const fresh = changes.filter((change) => change.number > newest);
  newest = changes[0]?.number ?? newest;
  list.prepend(...fresh.map(row));
  while (list.children.length > CHANGES) {
    list.lastElementChild?.remove();
  }
  quiet.hidden = list.children.length > 0;
}

function row(change: Change): HTMLElement {
  const line = document.createElement('li');
  line.className = 'new';
  const { kind, key, keyBytes, value, valueBytes, offset } = change;
  const time = (): string => new Date(Number(new TextDecoder().decode(value))).toLocaleString();
  const words: [string, string][] = [
    ['kind', kind], ['key', beginning(key, keyBytes)],
    ['value', kind === 'pexpireat' ? time() : beginning(value, valueBytes)], ['offset', String(offset)],
  ];
  for (const [look, text] of words) {
    const part = document.createElement('span');
    part.className = look;
    part.textContent = text;
    line.append(part);
  }
  return line;
}
