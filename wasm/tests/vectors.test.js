// Conformance vectors over the raw exports: one node answers, call by call, as the core does natively. The format is
// described in tests/vectors/README.md.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { memory } from '../pkg/npm/module.js';
import '../pkg/npm/node.js';
import { RawNode, RawOptions } from '../pkg/npm/towline_bg.js';

const FOLDER = new URL('../../tests/vectors/', import.meta.url);
const INPUTS = ['', 'Tick', 'Opened', 'Lost', 'DialFailed', 'Bytes', 'Write', 'Flush', 'Taken', 'Applied', 'Persisted',
  'SnapshotReady', 'SnapshotPiece', 'SnapshotFailed', 'Installed', 'Rewound', 'Promote', 'Follow', 'Shutdown'];
const EVENTS = ['', 'Dial', 'Joined', 'Close', 'WantsWrite', 'SnapshotWanted', 'SnapshotRead', 'SnapshotDone',
  'CaughtUp', 'Acked', 'SlotExpired', 'Role', 'Outranked'];
const PAYLOADS = ['', 'Batch', 'Spool', 'Fork', 'Begin', 'Piece', 'LastPiece'];
const NEXT = ['need', 'again', 'closed'];
const SPANS = ['beat', 'idle', 'handshake', 'linger', 'reconnect_window', 'redial_min', 'redial_max'];
const NS_PER_MS = 1e6;

function data(word) {
  const [hex, times] = word.split('*');
  const once = hex === '-' ? Buffer.alloc(0) : Buffer.from(hex, 'hex');
  return times === undefined ? once : Buffer.concat(Array.from({ length: Number(times) }, () => once));
}

/** One node, and the parts of its last answer that no line has named. */
class Player {
  options = new RawOptions();
  now = 0;
  left = new Map();
  told = [];

  play([line, ...words]) {
    if (['step', 'offset', 'position', 'payload', 'misuse'].includes(line)) {
      assert.deepEqual(this.left.get(line), words.map((word) => (/^(\d|0x)/.test(word) ? BigInt(word) : word)));
      this.left.delete(line);
      return;
    }
    assert.equal(this.left.size, 0, `more was answered: ${[...this.left.keys()]}`);
    assert.ok(line in this && line !== 'play', `a line: ${line}`);
    this[line](...words);
  }

  option(name, value) {
    const span = SPANS.includes(name);
    const camel = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()) + (span ? 'Ms' : '');
    assert.ok(this.options.set(camel, Number(value) / (span ? NS_PER_MS : 1)), camel);
  }

  boot(node, role, unixZero, seed, cursor) {
    const held = cursor === '-' ? undefined : data(cursor);
    this.node?.free();
    this.node = new RawNode(this.options, BigInt(node), role === '1', data(seed), Number(unixZero) / NS_PER_MS, held);
  }

  at(ns) {
    this.now = Number(ns) / NS_PER_MS;
  }

  input(name, link, a, b, c, hex) {
    const bytes = data(hex);
    memory().bytes.set(bytes, this.node.room(bytes.length));
    const at = this.node.input_address();
    memory().longs.set([0n, BigInt(a), BigInt(b), BigInt(c), 0n, 0n, 0n, 0n], at >> 3);
    memory().words.set([INPUTS.indexOf(name), Number(link)], at >> 2);
    const misuse = this.node.handle(this.now, bytes.length);
    this.node.check();
    if (misuse !== 0) {
      this.left.set('misuse', [BigInt(misuse)]);
      return;
    }
    const answer = this.node.answer_address() >> 3;
    const [used, need, next, there, offset, epoch, boundary, digest, start, length, first, count, kind, snapshot] =
      memory().longs.slice(answer, answer + 14);
    const parts = { offset: [offset], position: [epoch, boundary, digest] };
    parts.payload = [PAYLOADS[kind], first, count, snapshot, start, length];
    this.left.set('step', [used, need, NEXT[next]]);
    Object.keys(parts).forEach((part, bit) => there & (1n << BigInt(bit)) && this.left.set(part, parts[part]));
  }

  event(...words) {
    const [name, link, ...fields] = this.#events().shift() ?? assert.fail('there is no event');
    assert.deepEqual([name, link, ...fields.slice(0, 4)], [words[0], ...words.slice(1).map(BigInt)]);
    assert.deepEqual(fields.slice(4), [0n, 0n, 0n]);
  }

  quiet() {
    assert.deepEqual(this.#events(), []);
  }

  /** Returns all events; the lines name them one by one. */
  #events() {
    if (this.told.length === 0) {
      for (let count = this.node.poll(); count > 0; count = this.node.poll()) {
        for (let at = this.node.events_address(); count > 0; count -= 1, at += 64) {
          const [kind, link] = memory().words.subarray(at >> 2);
          this.told.push([EVENTS[kind - 0x100], BigInt(link), ...memory().longs.slice((at >> 3) + 1, (at >> 3) + 8)]);
        }
      }
    }
    return this.told;
  }

  write(link, shown, hex, more) {
    const bytes = data(hex);
    assert.equal(this.node.peek(Number(link)), Number(shown));
    const [a, aLength, b, bLength, c, cLength] = memory().words.subarray(this.node.slices_address() >> 2);
    const slices = [[a, aLength], [b, bLength], [c, cLength]];
    const offered = Buffer.concat(slices.map(([from, length]) => memory().bytes.slice(from, from + length)));
    assert.ok(offered.subarray(0, bytes.length).equals(bytes), offered.toString('hex'));
    assert.equal(this.node.consume(this.now, Number(link), bytes.length), more === 'more' ? 1 : 0);
    this.node.check();
  }

  consume(link, bytes, misuse) {
    assert.equal(this.node.consume(this.now, Number(link), Number(bytes)), -Number(misuse));
  }

  deadline(ns) {
    assert.equal(this.node.next_deadline(), ns === 'never' ? Infinity : Number(ns) / NS_PER_MS);
  }

  cursor(epoch, boundary, digest, hex) {
    assert.ok(data(hex).equals(this.node.cursor(BigInt(epoch), BigInt(boundary), BigInt(digest))));
  }
}

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.txt')).sort()) {
  test(`vectors: ${file}`, () => {
    let player = new Player();
    let lines = 0;
    for (const [index, line] of readFileSync(new URL(file, FOLDER), 'utf8').split('\n').entries()) {
      if (line === '' || line.startsWith('#')) {
        continue;
      }
      try {
        if (line.startsWith('scene ')) {
          assert.equal(player.left.size, 0);
          player = new Player();
        } else {
          player.play(line.split(' '));
        }
      } catch (error) {
        error.message = `${file}:${index + 1}: ${line.slice(0, 100)}\n${error.message}`;
        throw error;
      }
      lines += 1;
    }
    assert.ok(lines > 20, 'a file holds something');
  });
}
