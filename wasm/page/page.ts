// The page: a follower, its store, and the state of both, drawn at most once a frame; and one way to write, which goes
// to the server and comes back as every write does.

import { follow, type Follower, init, MemoryStore, type Status } from 'towline';
import { CHANGES, drawChanges } from './changes.js';
import { drawList, write } from './list.js';
import { drawPicture, type Tree } from './picture.js';

const COMPARE_MS = 1000;

/** The server's report about itself. */
interface Standing extends Tree {
  readonly digest: string;
  readonly applied: string;
  readonly backlog_bytes: number;
}

/** A write that the server answered and that has not arrived here. */
interface Written {
  readonly key: string;
  readonly value: string;
  readonly at: number;
}

const CAPTIONS: Record<Status, string> = {
  offline: 'No connection. What was received stays here; the core dials again by itself.',
  dialing: 'Connecting.',
  waiting: 'Joined: the server has nothing to send yet.',
  snapshot: 'A snapshot is coming in, and the writes that happen meanwhile with it.',
  streaming: 'Every write on the server arrives here as it happens.',
};

const at = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const decoder = new TextDecoder();

let store: MemoryStore;
let follower: Follower | undefined;
/** The server's newest report, and whether the last request was answered. */
let there: Standing | undefined;
let answers = false;
let written: Written | undefined;
let due = false;

function draw(): void {
  if (!due) {
    due = true;
    requestAnimationFrame(() => {
      due = false;
      // First, because it measures the layout, which the rest changes.
      drawList(at('list'), at('height'), at('rows'), store);
      drawChanges(at('changes'), at('quiet'), store);
      drawState();
      drawWritten();
      if (there !== undefined) {
        const self = { node: store.node.toString(16).padStart(16, '0'), state: follower?.status ?? 'offline' };
        drawPicture(at('picture'), there, self, answers);
      }
    });
  }
}

function drawState(): void {
  const status = follower?.status ?? 'offline';
  const cut = follower === undefined;
  write(at('state'), status);
  at('state').dataset['state'] = status;
  write(at('caption'), cut ? 'You cut the link. Writes on the server are missed now, and fetched later.'
    : follower?.fault !== undefined ? `The link ended: ${follower.fault.text}.` : CAPTIONS[status]);
  at('offline').hidden = cut;
  at('online').hidden = !cut;
  write(at('offset'), String(follower?.offset ?? at('offset').textContent));
  write(at('lag'), lag());
  write(at('keys'), store.size.toLocaleString('en'));
  write(at('received'), bytes(follower?.bytesReceived ?? 0));
  write(at('digest'), store.digest);
  drawVerdict();
}

function drawVerdict(): void {
  const digest = answers ? there?.digest : undefined;
  write(at('there'), digest ?? 'unknown');
  const same = digest === undefined ? 'unknown' : digest === store.digest ? 'yes' : 'no';
  // Two reports about a moving stream differ; that is no disagreement.
  const moving = same === 'no' && String(follower?.offset) !== there?.applied;
  at('verdict').dataset['same'] = moving ? 'unknown' : same;
  write(at('verdict'), moving ? 'not yet' : { yes: 'identical', no: 'different', unknown: 'unknown' }[same]);
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

// --- a write ---------------------------------------------------------------------------------------------------------

/** Asks the server to set a key; only this page may. */
async function set(): Promise<void> {
  const [key, value] = [at<HTMLInputElement>('key').value, at<HTMLInputElement>('value').value];
  const button = at<HTMLFormElement>('set').querySelector('button') as HTMLButtonElement;
  button.disabled = true;
  try {
    const response = await fetch('set', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ key, value }),
      signal: AbortSignal.timeout(5 * COMPARE_MS),
    });
    const text = await response.text();
    if (!response.ok) {
      const told = response.status === 409 ? (JSON.parse(text) as { error: string }).error : text.trim();
      show('no', `The server refused: ${told}`);
      return;
    }
    written = { key, value, at: performance.now() };
    show('', follower === undefined ? 'The server has it. This tab is cut off, and gets it when it connects again.'
      : 'The server has it; it is on its way here.');
    draw();
  } catch (error) {
    show('no', `The server did not answer: ${String(error)}`);
  } finally {
    button.disabled = false;
  }
}

/** Shows how long after the server's answer the write arrived here; it may well have been before. */
function drawWritten(): void {
  const here = written === undefined ? undefined : store.get(written.key);
  if (written !== undefined && here !== undefined && decoder.decode(here) === written.value) {
    const ms = performance.now() - written.at;
    const after = ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
    show('yes', `${written.key} is set, and was here ${after} after the server's answer.`);
    written = undefined;
  }
}

function show(well: string, text: string): void {
  at('told').dataset['well'] = well;
  write(at('told'), text);
}

// --- the link --------------------------------------------------------------------------------------------------------

/** Asks the server for its report; the server may be gone. */
async function compare(): Promise<void> {
  try {
    const response = await fetch('standing.json', { signal: AbortSignal.timeout(COMPARE_MS) });
    there = (await response.json()) as Standing;
    answers = true;
    document.title = `Towline: ${there.role} ${there.client_addr ?? there.node}`;
  } catch {
    answers = false;
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
    write(at('hint'), error.message);
  };
  draw();
}

async function offline(): Promise<void> {
  await follower?.close();
  follower = undefined;
  draw();
}

/** Shows the same command for a shell. */
function hint(address: string): void {
  const command = document.createElement('code');
  command.textContent = `redis-cli -p ${address.split(':').pop()} set greeting hello`;
  at('hint').replaceChildren('Or write from a shell: ', command);
}

async function main(): Promise<void> {
  await Promise.all([init('towline.wasm'), compare()]);
  store = new MemoryStore();
  store.keepRecent(CHANGES);
  at('offline').onclick = () => void offline();
  at('online').onclick = () => void online();
  at('list').onscroll = draw;
  at('set').onsubmit = (event) => {
    event.preventDefault();
    void set();
  };
  new ResizeObserver(draw).observe(at('picture'));
  if (there?.client_addr && there.role === 'primary') {
    hint(there.client_addr);
  }
  await online();
  setInterval(() => void compare().then(draw), COMPARE_MS);
}

main().catch((error: unknown) => {
  at('caption').textContent = String(error);
});
