// The module's own exports, and the words of its records.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { memory } from '../pkg/npm/module.js';
import '../pkg/npm/node.js';
import { RawNode, RawOptions } from '../pkg/npm/towline_bg.js';

const bytes = readFileSync(new URL('../pkg/npm/towline.wasm', import.meta.url));

function make(primary, limits = {}) {
  const options = new RawOptions();
  for (const [name, value] of Object.entries({ backlogBytes: 1 << 16, linksMax: 1, shipsMax: 1, ...limits })) {
    assert.ok(options.set(name, value), name);
  }
  const node = new RawNode(options, 7n, primary, new Uint8Array(32), 0, undefined);
  options.free();
  return node;
}

/** Handles an input as a record of sixteen words. */
function handle(node, now, kind, link, data = new Uint8Array()) {
  const room = node.room(data.length);
  memory().bytes.set(data, room);
  const at = node.input_address();
  memory().longs.fill(0n, at >> 3, (at >> 3) + 8);
  memory().words.set([kind, link], at >> 2);
  return node.handle(now, data.length);
}

test('the oldest engine we support takes the module, which asks for next to nothing', () => {
  assert.ok(WebAssembly.validate(bytes));
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes));
  assert.ok(imports.every((one) => one.module === './towline_bg.js'), JSON.stringify(imports));
  // Imports that throw, or that make the text of an error: no clock, no randomness, no IO.
  assert.ok(imports.every((one) => /throw|init_externref_table|generic/.test(one.name)), JSON.stringify(imports));
});

test('an input is a record, an answer is words', () => {
  const node = make(true);
  assert.equal(handle(node, 0.5, 6, 0, new TextEncoder().encode('record')), 0);
  const answer = node.answer_address() >> 3;
  assert.deepEqual([...memory().longs.subarray(answer + 3, answer + 5)], [1n, 1n], 'an offset, and it is 1');
  assert.equal(handle(node, 0.5, 3, 0), 1, 'the number of the misuse: no such link');
  assert.equal(handle(node, 0.5, 99, 0), -1, 'no input');
  assert.equal(node.poll(), 1);
  const event = node.events_address();
  assert.equal(memory().words[event >> 2], 0x10b, 'its role');
  assert.equal(memory().longs[(event >> 3) + 1], 1n, 'primary');
  assert.equal(node.poll(), 0);
  node.check();
  node.free();
});

test('what is on offer is named by address and length', () => {
  const node = make(false);
  assert.equal(handle(node, 0, 1, 0), 0);
  node.poll();
  const at = node.input_address();
  memory().words.set([2, 0], at >> 2);
  memory().longs[(at >> 3) + 1] = 1n;
  assert.equal(node.handle(0, 0), 0, 'an upstream link opened');
  while (node.poll() > 0);
  const offered = node.peek(0);
  const slices = memory().words.subarray(node.slices_address() >> 2, (node.slices_address() >> 2) + 6);
  assert.equal(slices[1] + slices[3] + slices[5], offered);
  const hello = memory().bytes.subarray(slices[0], slices[0] + slices[1]);
  assert.equal(new TextDecoder().decode(hello.subarray(24, 31)), 'TOWLINE', 'the magic of docs/protocol.md');
  assert.equal(node.consume(0, 0, offered), 0, 'dry');
  assert.equal(node.consume(0, 0, 1), -14, 'more than was shown');
  node.free();
});

test('a million calls leave the memory as it was', () => {
  const record = new Uint8Array(100);
  const run = () => {
    const node = make(true);
    for (let count = 0; count < 100_000; count += 1) {
      handle(node, count, 6, 0, record);
      node.poll();
    }
    node.free();
  };
  run();
  const before = memory().bytes.length;
  for (let round = 0; round < 9; round += 1) {
    run();
  }
  assert.equal(memory().bytes.length, before);
});
