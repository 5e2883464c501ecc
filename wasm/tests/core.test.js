// The typed API over the core: two nodes in one script, and every way to use them wrongly.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Code, MemoryStore, Node, reset, TowlineError } from '../pkg/npm/node.js';
import { call, hold } from '../pkg/npm/module.js';
import { make } from '../pkg/npm/node-core.js';

const LIMITS = { backlogBytes: 1 << 16, linksMax: 2, slotsMax: 2, shipsMax: 1 };
const encode = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);

function pair() {
  const primary = new Node({ role: 'primary', node: 1n, seed: new Uint8Array(32).fill(1), ...LIMITS });
  const replica = new Node({ role: 'replica', node: 2n, seed: new Uint8Array(32).fill(2), ...LIMITS });
  return { primary, replica, links: {}, told: [], payloads: [] };
}

/** Returns everything on offer on a link; nothing if it is gone. */
function drain(node, now, link) {
  const parts = [];
  if (link === undefined) {
    return Buffer.alloc(0);
  }
  let more = true;
  while (more) {
    more = node.transmit(now, link, (view) => parts.push(view.slice()) && view.length);
  }
  return Buffer.concat(parts);
}

/** Feeds it whole; returns its payloads, each as text. */
function feed(node, now, link, bytes) {
  const payloads = [];
  for (let at = 0; at < bytes.length; ) {
    const step = node.bytes(now, link, bytes.subarray(at));
    if (step.payload !== undefined) {
      assert.equal(step.payload.bytes.buffer, bytes.buffer, 'a part of our own buffer');
      payloads.push({ ...step.payload, position: step.position });
    }
    assert.notEqual(step.used, 0);
    at += step.used;
  }
  return payloads;
}

/** Runs a primary of one snapshot piece, and a replica that installs it, until both are silent. */
function talk(two, now) {
  for (let some = true; some; ) {
    some = false;
    for (const event of two.primary.events()) {
      some = true;
      two.told.push(`primary ${event.kind}`);
      if (event.kind === 'snapshot-wanted') {
        const position = two.primary.flush(now);
        two.primary.snapshotReady(now, event.snapshot, two.primary.cursor(position));
      } else if (event.kind === 'snapshot-read') {
        two.primary.snapshotPiece(now, event.snapshot, event.piece, encode('everything'), true);
      }
    }
    for (const event of two.replica.events()) {
      some = true;
      two.told.push(`replica ${event.kind}`);
      if (event.kind === 'dial') {
        two.links.up = two.replica.opened(now, 'up');
        two.links.down = two.primary.opened(now, 'down');
      } else if (event.kind === 'close') {
        two.links = {};
      }
    }
    const up = drain(two.replica, now, two.links.up);
    const down = drain(two.primary, now, two.links.down);
    some ||= up.length + down.length > 0;
    feed(two.primary, now, two.links.down, up);
    for (const payload of feed(two.replica, now, two.links.up, down)) {
      two.payloads.push(payload);
      if (payload.kind === 'last-piece') {
        two.replica.installed(now, payload.snapshot);
      } else if (payload.kind === 'batch') {
        two.replica.applied(now, payload.position.boundary);
      }
    }
  }
}

test('two nodes join by snapshot and stream', () => {
  const two = pair();
  two.replica.tick(0);
  talk(two, 0);
  assert.ok(two.told.includes('replica joined') && two.told.includes('primary snapshot-read'));
  assert.deepEqual(two.payloads.map((payload) => payload.kind), ['begin', 'last-piece']);
  assert.equal(decode(two.payloads[1].bytes), 'everything');

  assert.equal(two.primary.write(1, encode('one')), 1n);
  assert.equal(two.primary.write(1, encode('two')), 2n);
  talk(two, 1);
  const batch = two.payloads.at(-1);
  assert.deepEqual([batch.kind, batch.first, batch.count], ['batch', 0n, 2]);
  // docs/protocol.md: a record's head is four bytes, its length.
  assert.equal(decode(batch.bytes.subarray(4, 7)), 'one');
  assert.ok(two.replica.cursor(batch.position).length > 70);
  assert.ok(two.replica.nextDeadline > 1);

  two.primary.shutdown(2);
  talk(two, 2);
  assert.ok(two.told.includes('replica close'));
  two.primary.dispose();
  two.replica[Symbol.dispose]();
});

test('a write that left the history is owed nothing', () => {
  const [old, young] = [1, 2].map((id) => new Node({ role: 'primary', node: BigInt(id), ...LIMITS }));
  const offset = old.write(0, encode('owed'));
  const place = old.place(offset);
  assert.deepEqual([place.offset, old.holds(place), old.acked('applied', 0)], [1n, true, 1n]);
  assert.equal(old.place(2n), undefined, 'beyond the end');
  // Another history passes the same number, with another record.
  young.write(0, encode('other'));
  assert.equal(young.holds(place), false);
  assert.equal(old.acked('applied', 1), 0n, 'no replica is there');
  [old, young].forEach((node) => node.dispose());
});

test('a name of a link is free again after its close was told', () => {
  const { primary } = pair();
  assert.deepEqual([primary.opened(0, 'down'), primary.opened(0, 'down')], [0, 1]);
  primary.lost(0, 0);
  assert.equal(primary.opened(0, 'down'), 0);
  primary.dispose();
});

const failing = (work) => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof TowlineError, String(error));
    return error;
  }
  throw new Error('it did not fail');
};

test('mistakes are named, and change nothing', () => {
  const { primary } = pair();
  const lost = failing(() => primary.lost(0, 1));
  assert.deepEqual([lost.code, lost.detail, lost.message], [Code.misuse, 1, 'no such link is open']);
  assert.equal(failing(() => primary.bytes(0, 9, new Uint8Array(1))).code, Code.misuse);
  assert.match(failing(() => new Node({ role: 'primary', node: 1n, backlogBytes: 5 })).message, /backlog_bytes is 5/);
  assert.match(failing(() => new Node({ role: 'primary', node: 1n, beatMs: 0.5 })).message, /beatMs/);
  assert.match(failing(() => new Node({ role: 'primary', node: 1n, colour: 1 })).message, /colour/);
  assert.match(failing(() => new Node({ role: 'primary', node: 1n, seed: new Uint8Array(3) })).message, /32 bytes/);
  const damaged = failing(() => new Node({ role: 'replica', node: 1n, cursor: new Uint8Array(80) }));
  assert.deepEqual([damaged.code, damaged.detail], [Code.cursor, 80]);

  const link = primary.opened(0, 'down');
  primary.shutdown(0);
  for (const _ of primary.events());
  const inside = failing(() => primary.transmit(0, link, () => primary.tick(0)));
  assert.equal(inside.code, Code.reentered);
  assert.doesNotThrow(() => primary.tick(0));

  primary.dispose();
  primary.dispose();
  assert.equal(failing(() => primary.tick(0)).code, Code.disposed);
  const store = new MemoryStore();
  store.dispose();
  assert.equal(failing(() => store.size).code, Code.disposed);
});

test('a trap poisons the module until reset, and a reset begins anew', () => {
  const { primary } = pair();
  const raw = hold({}, make({ role: 'primary', node: 1n, ...LIMITS }));
  // Out of the arena: no caller of this package does that.
  const trapped = failing(() => call(Code.misuse, () => raw.handle(0, 1 << 30)));
  assert.equal(trapped.code, Code.poisoned);
  assert.ok(trapped.cause instanceof WebAssembly.RuntimeError);
  assert.match(trapped.message, /^the module trapped at wasm\/src\/node\.rs:\d+: /);
  assert.equal(failing(() => primary.tick(0)).code, Code.poisoned);
  assert.equal(failing(() => new MemoryStore()).code, Code.poisoned);
  reset();
  assert.equal(failing(() => primary.tick(0)).code, Code.disposed, 'it was of the instance before');
  const { primary: fresh } = pair();
  assert.equal(fresh.write(0, encode('again')), 1n);
  fresh.dispose();
});
