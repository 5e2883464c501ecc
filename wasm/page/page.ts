// The page: a follower, its store, and how both stand, drawn at most once a frame.
//
// The list shows some twenty rows of however many there are: the scroll bar's place is turned into a place in key
// order, and only those rows are asked for.

import { follow, type Follower, init, MemoryStore, type Row, type Status } from 'towline';

const ROW_PIXELS = 24;
/** Browsers draw nothing taller than some 17 million pixels; beyond it the bar is coarser than a row. */
const LIST_PIXELS_MAX = 15_000_000;
const COMPARE_MS = 1000;
const VALUE_BYTES = 80;

/** What the server says of itself. */
interface Standing {
  readonly digest: string;
  readonly applied: string;
  readonly backlog_bytes: number;
  readonly client_addr: string | null;
}

const CAPTIONS: Record<Status, string> = {
  offline: 'No connection. What was received stays here; the core dials again by itself.',
  dialing: 'Connecting.',
  waiting: 'Joined: the server has nothing to send yet.',
  snapshot: 'A snapshot is coming in, and the writes that happen meanwhile with it.',
  streaming: 'Every write on the server arrives here as it happens.',
};

const at = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;
const decoder = new TextDecoder();

let store: MemoryStore;
let follower: Follower | undefined;
let there: Standing | undefined;
let due = false;

function draw(): void {
  if (!due) {
    due = true;
    requestAnimationFrame(() => {
      due = false;
      // First, while what it measures stands as it was laid out.
      drawList();
      drawState();
    });
  }
}

function drawState(): void {
  const status = follower?.status ?? 'offline';
  const cut = follower === undefined;
  at('state').textContent = status;
  at('state').dataset['state'] = status;
  at('caption').textContent = cut ? 'You cut the link. Writes on the server are missed now, and fetched later.'
    : follower?.fault?.text ?? CAPTIONS[status];
  at('offline').hidden = cut;
  at('online').hidden = !cut;
  at('offset').textContent = String(follower?.offset ?? at('offset').textContent);
  at('lag').textContent = lag();
  at('keys').textContent = store.size.toLocaleString('en');
  at('received').textContent = bytes(follower?.bytesReceived ?? 0);
  at('digest').textContent = store.digest;
  drawVerdict();
}

function drawVerdict(): void {
  at('there').textContent = there?.digest ?? 'unknown';
  const same = there === undefined ? 'unknown' : there.digest === store.digest ? 'yes' : 'no';
  // Two looks at a moving target differ; that is no disagreement.
  const moving = same === 'no' && String(follower?.offset) !== there?.applied;
  at('verdict').dataset['same'] = moving ? 'unknown' : same;
  at('verdict').textContent = moving ? 'not yet' : { yes: 'identical', no: 'different', unknown: 'unknown' }[same];
}

function lag(): string {
  const [ms, records] = [follower?.lagMs, follower?.lagRecords];
  if (ms === undefined || records === undefined) {
    return 'unknown';
  }
  return ms === 0 ? 'none' : `${records.toLocaleString('en')} records, ${(ms / 1000).toFixed(1)} s`;
}

function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, count)) / 3)));
  return `${(count / 1000 ** step).toFixed(step === 0 ? 0 : 1)} ${units[step]}`;
}

function drawList(): void {
  const { clientHeight, scrollTop } = at('list');
  const { size } = store;
  const tall = Math.min(size * ROW_PIXELS, LIST_PIXELS_MAX);
  at('height').style.height = `${tall}px`;
  const shown = Math.ceil(clientHeight / ROW_PIXELS) + 1;
  const scrolls = Math.max(1, tall - clientHeight);
  const exact = (scrollTop / scrolls) * Math.max(0, size - clientHeight / ROW_PIXELS);
  const from = Math.max(0, Math.min(Math.floor(exact), size - 1));
  const table = at('rows').parentElement as HTMLElement;
  table.style.transform = `translateY(${scrollTop - (exact - from) * ROW_PIXELS}px)`;
  fill(at('rows') as HTMLTableSectionElement, store.rows(from, shown, VALUE_BYTES));
}

/** Reuses the rows that are there. */
function fill(body: HTMLTableSectionElement, rows: readonly Row[]): void {
  while (body.rows.length > rows.length) {
    body.deleteRow(-1);
  }
  rows.forEach((row, index) => {
    const line = body.rows[index] ?? body.insertRow();
    const [key, value] = [line.cells[0] ?? line.insertCell(), line.cells[1] ?? line.insertCell()];
    write(key, decoder.decode(row.key));
    write(value, decoder.decode(row.value) + (row.valueBytes > VALUE_BYTES ? '\u2026' : ''));
  });
}

/** What stands there already is not laid out again. */
function write(cell: HTMLElement, text: string): void {
  if (cell.textContent !== text) {
    cell.textContent = text;
  }
}

/** Asks the server how it stands; it may be gone. */
async function compare(): Promise<void> {
  try {
    const response = await fetch('standing.json', { signal: AbortSignal.timeout(COMPARE_MS) });
    there = (await response.json()) as Standing;
  } catch {
    there = undefined;
  }
}

async function online(): Promise<void> {
  // The server's longest record must fit here.
  const limits = there === undefined ? {} : { backlogBytes: there.backlog_bytes };
  const url = new URL('replicate', location.href);
  url.protocol = 'ws:';
  follower = await follow({ url, store, adopt: true, limits });
  follower.onstatus = draw;
  follower.onchange = draw;
  follower.onerror = (error) => {
    at('hint').textContent = error.message;
  };
  draw();
}

async function offline(): Promise<void> {
  await follower?.close();
  follower = undefined;
  draw();
}

async function main(): Promise<void> {
  await Promise.all([init('towline.wasm'), compare()]);
  store = new MemoryStore();
  at('offline').onclick = () => void offline();
  at('online').onclick = () => void online();
  at('list').onscroll = draw;
  if (there?.client_addr) {
    const port = there.client_addr.split(':').pop();
    at('hint').innerHTML = '<code></code>';
    (at('hint').firstChild as HTMLElement).textContent = `redis-cli -p ${port} set greeting hello`;
  }
  await online();
  setInterval(() => void compare().then(draw), COMPARE_MS);
}

main().catch((error: unknown) => {
  at('caption').textContent = String(error);
});
