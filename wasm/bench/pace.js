// How fast a replica applies in node's WebAssembly: what `benches/pace.rs` recorded, said to the module.

import { readFileSync } from 'node:fs';

import { memory } from '../pkg/npm/module.js';
import '../pkg/npm/node.js';
import { RawNode, RawOptions, RawStore } from '../pkg/npm/towline_bg.js';

const ROUNDS = 5;
const LINK = 0;
/** As the page works. */
const PART_BYTES = 16 << 10;

const recorded = readFileSync(process.argv[2]);
const parts = [];
for (let at = 0; at < recorded.length; ) {
  const end = at + 4 + recorded.readUInt32LE(at);
  parts.push(recorded.subarray(at + 4, end));
  at = end;
}
const [cursor, ...messages] = parts;

/** One input, as a record. */
function say(node, kind, a) {
  memory().longs.fill(0n, node.input_address() >> 3, (node.input_address() >> 3) + 8);
  memory().words[node.input_address() >> 2] = kind;
  memory().longs[(node.input_address() >> 3) + 1] = a;
  if (node.handle(0, 0) !== 0) {
    throw new Error('refused');
  }
}

function answer(node, now) {
  while (node.poll() > 0);
  node.consume(now, LINK, node.peek(LINK));
}

/** Milliseconds for all messages, and what that made of the store. */
function replay() {
  const [options, store] = [new RawOptions(), new RawStore()];
  const node = new RawNode(options, 2n, false, new Uint8Array(32).fill(2), 0, cursor);
  say(node, 1, 0n);
  while (node.poll() > 0);
  say(node, 2, 1n);
  answer(node, 0);
  const begin = performance.now();
  let now = 0;
  for (const message of messages) {
    now += 1;
    const room = node.room(message.length);
    memory().bytes.set(message, room);
    node.came(message.length);
    while (node.work(store, now, LINK, PART_BYTES) === 1);
    answer(node, now);
  }
  const ms = performance.now() - begin;
  const keys = store.len();
  [node, store, options].forEach((raw) => raw.free());
  return { ms, keys };
}

const runs = Array.from({ length: ROUNDS }, replay);
const best = Math.min(...runs.map(({ ms }) => ms));
const records = 2 * runs[0].keys;
console.log(`counted: wasm_records_a_second = ${Math.round((records / best) * 1000)}`);
