// The page's list over a million keys: it holds as few rows, and asks the store as rarely, as with ten. The page is a
// real server's; it follows a primary in this file, which makes its snapshot up.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { chromium } from 'playwright-core';

import { Node } from '../pkg/npm/node.js';
import { eventually, Place } from './support.js';

const KEYS = 1_000_000;
const PIECE = 5000;
const TICK_MS = 100;

const key = (index) => `key:${String(index).padStart(7, '0')}`;

/** Returns a part of the snapshot: keys in order. */
function piece(number) {
  const sets = Array.from({ length: PIECE }, (_, index) => {
    const name = key(number * PIECE + index);
    return `*3\r\n$3\r\nSET\r\n$${name.length}\r\n${name}\r\n$1\r\nv\r\n`;
  });
  return new TextEncoder().encode(sets.join(''));
}

/** A primary at the other end of a WebSocket. */
class Primary {
  node = new Node({ role: 'primary', node: 1n });
  unread = Buffer.alloc(0);

  constructor(socket) {
    this.socket = socket;
    this.link = this.node.opened(performance.now(), 'down');
    this.timer = setInterval(() => this.turn(), TICK_MS);
    socket.onMessage((data) => this.came(data));
    socket.onClose(() => this.end());
  }

  end() {
    clearInterval(this.timer);
    this.node.dispose();
    this.socket.onMessage(() => undefined);
  }

  came(data) {
    this.unread = Buffer.concat([this.unread, data]);
    for (let next = 'again'; next === 'again'; ) {
      const step = this.node.bytes(performance.now(), this.link, this.unread);
      this.unread = this.unread.subarray(step.used);
      next = step.next;
    }
    this.turn();
  }

  turn() {
    const now = performance.now();
    this.node.tick(now);
    for (const event of this.node.events()) {
      if (event.kind === 'snapshot-wanted') {
        const cursor = this.node.cursor(this.node.flush(now));
        this.node.snapshotReady(now, event.snapshot, cursor);
      } else if (event.kind === 'snapshot-read') {
        const last = Number(event.piece) === KEYS / PIECE - 1;
        this.node.snapshotPiece(now, event.snapshot, event.piece, piece(Number(event.piece)), last);
      }
    }
    while (this.node.transmit(now, this.link, (view) => this.socket.send(Buffer.from(view)) ?? view.length));
  }
}

/** Runs in the page before its own script: counts the list's calls of the store, and the rows they return. */
function count() {
  const { Instance } = WebAssembly;
  window.looks = [];
  WebAssembly.Instance = function (module, imports) {
    const { exports } = new Instance(module, imports);
    const rows = (store, from, asked, ...rest) => {
      window.looks.push(asked);
      return exports.rawstore_rows(store, from, asked, ...rest);
    };
    return { exports: { ...exports, rawstore_rows: rows } };
  };
}

/** Runs in the page: scrolls, and returns the rows and calls that it took. */
async function scroll(part) {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const list = document.getElementById('list');
  list.scrollTop = part * (list.scrollHeight - list.clientHeight);
  await frame();
  await frame();
  window.looks = [];
  list.scrollTop += list.scrollTop > 0 ? -1 : 1;
  await frame();
  await frame();
  const { rows } = document.getElementById('rows');
  const shown = Array.from(rows, (row) => row.cells[0].textContent);
  return { shown, looks: window.looks, elements: document.querySelectorAll('*').length };
}

test('a million keys are a screenful of rows, wherever it is scrolled to', async (t) => {
  const server = await new Place(t).serve();
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const primaries = [];
  t.after(() => primaries.forEach((primary) => primary.end()));
  await page.addInitScript(count);
  await page.routeWebSocket(/replicate/, (socket) => void primaries.push(new Primary(socket)));
  await page.goto(`http://${server.web}/`);
  await eventually('every key', async () => (await page.textContent('#keys')) === KEYS.toLocaleString('en'));
  for (const part of [0, 0.25, 0.5, 1]) {
    const { shown, looks, elements } = await page.evaluate(scroll, part);
    const first = Number(shown[0].slice(4));
    assert.deepEqual(shown, shown.map((_, index) => key(first + index)), 'in order, and none left out');
    assert.ok(Math.abs(first - part * KEYS) <= shown.length, `${shown[0]} at ${part}`);
    assert.ok(elements < 150, `${elements} elements`);
    assert.ok(looks.length <= 3 && looks.every((asked) => asked < 40), `asked for ${looks}`);
  }
});
