// How fast a replica applies in node's WebAssembly: the recording of `benches/pace.rs`, given to the module.

import { readFileSync } from 'node:fs';

import { memory } from '../pkg/npm/module.js';
import '../pkg/npm/node.js';
import { Input, write } from '../pkg/npm/record.js';
import * as glue from '../pkg/npm/towline_bg.js';

const { RawNode, RawOptions, RawStore } = glue;

const ROUNDS = 5;
const TICKS = 1_000_000;
const LINK = 0;
/** The page's own size of a part. */
const PART_BYTES = 16 << 10;

const bytes = readFileSync(new URL('../pkg/npm/towline.wasm', import.meta.url));
const recorded = readFileSync(process.argv[2]);
const parts = [];
for (let at = 0; at < recorded.length; ) {
  const end = at + 4 + recorded.readUInt32LE(at);
  parts.push(recorded.subarray(at + 4, end));
  at = end;
}
const [cursor, ...messages] = parts;

/** Gives one input to the node. */
function handle(node, at, kind, a = 0n) {
  write(at, kind, LINK, a);
  if (node.handle(0, 0) !== 0) {
    throw new Error('refused');
  }
}

function answer(node, now) {
  while (node.poll() > 0);
  node.consume(now, LINK, node.peek(LINK));
}

/** Returns the nanoseconds for a record, over all messages. */
function replay() {
  const [options, store] = [new RawOptions(), new RawStore()];
  const node = new RawNode(options, 2n, false, new Uint8Array(32).fill(2), 0, cursor);
  const at = node.input_address();
  handle(node, at, Input.tick);
  while (node.poll() > 0);
  handle(node, at, Input.opened, 1n);
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
  // Half of the records were new keys.
  const records = 2 * store.len();
  [node, store, options].forEach((raw) => raw.free());
  return (ms / records) * 1e6;
}

/** Returns the nanoseconds for an input that changes nothing: a tick, as a record, with its answer. */
function tick() {
  const options = new RawOptions();
  const node = new RawNode(options, 1n, true, new Uint8Array(32), 0, undefined);
  const at = node.input_address();
  const begin = performance.now();
  for (let count = 0; count < TICKS; count += 1) {
    handle(node, at, Input.tick);
  }
  const ms = performance.now() - begin;
  [node, options].forEach((raw) => raw.free());
  return (ms / TICKS) * 1e6;
}

/** Returns the milliseconds from the module's bytes to its instance. */
function start() {
  const begin = performance.now();
  const module = new WebAssembly.Module(bytes);
  new WebAssembly.Instance(module, { './towline_bg.js': glue });
  return performance.now() - begin;
}

const best = (run) => Math.min(...Array.from({ length: ROUNDS }, run));
console.log(`counted: node_start_ms = ${best(start).toFixed(1)}`);
console.log(`counted: wasm_tick_ns = ${best(tick).toFixed(1)}`);
console.log(`counted: wasm_apply_ns = ${best(replay).toFixed(1)}`);
