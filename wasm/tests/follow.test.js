// A replica in node against the real program: joining, going on, being refused, ending.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { WebSocket } from 'ws';

import { Code, follow, MemoryStore } from '../pkg/npm/node.js';
import { agree, eventually, Place } from './support.js';

const text = (bytes) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes));
const FAST = { redialMinMs: 10, redialMaxMs: 50 };

test('a replica joins by snapshot, streams, and goes on where it stood', async (t) => {
  const server = await new Place(t).serve();
  await server.fill('old', 20_000);
  const store = new MemoryStore();
  const seen = [];
  let changes = 0;
  let follower = await follow({ url: server.url, store });
  follower.onstatus = (status) => seen.push(status);
  follower.onchange = () => (changes += 1);
  await follower.caughtUp();
  await agree(server, () => store.digest);
  assert.equal(seen.at(-1), 'streaming');
  assert.ok(changes > 0 && store.size === 20_000);
  assert.deepEqual([follower.lagMs, follower.lagRecords, follower.offset], [0, 0n, 20_000n]);

  await server.ask(['SET', 'greeting', 'hello'], ['SET', 'gone', '1', 'PXAT', '9999999999999'], ['INCRBY', 'n', '41']);
  await follower.caughtUp();
  await agree(server, () => store.digest);
  assert.deepEqual([text(store.get('greeting')), text(store.get('n'))], ['hello', '41']);
  assert.deepEqual([store.expiryMs('gone'), store.expiryMs('n')], [9_999_999_999_999, undefined]);
  assert.equal(store.get('nothing'), undefined);
  const [row] = store.rows(0, 1, 2);
  assert.deepEqual([text(row.key), text(row.value), row.valueBytes, row.expiryMs], ['gone', '1', 1, 9_999_999_999_999]);

  await follower.close();
  assert.equal(follower.closed, true);
  await server.fill('missed', 1000);
  follower = await follow({ url: server.url, store });
  await agree(server, () => store.digest);
  const status = JSON.parse((await server.ask(['TOWLINE', 'STATUS']))[0]);
  assert.deepEqual([status.counters.full_syncs, status.counters.partial_syncs], [1, 1]);
  await follower.close();
  store.dispose();
});

test('writes beside a snapshot arrive with it', async (t) => {
  const server = await new Place(t).serve();
  await server.fill('old', 100_000);
  const store = new MemoryStore();
  const follower = await follow({ url: server.url, store });
  const writes = server.fill('new', 20_000);
  await writes;
  await agree(server, () => store.digest);
  assert.equal(store.size, 120_000);
  assert.equal(store.spoolBytes, 0);
  await follower.close();
});

test('a server that restarts is dialled again; one of another history only if adopted', async (t) => {
  const place = new Place(t);
  const disk = ['--store', 'disk', '--dir', join(place.folder, 'data')];
  let server = await place.serve(disk);
  await server.fill('a', 100);
  const store = new MemoryStore();
  let follower = await follow({ url: server.url, store, limits: FAST });
  await agree(server, () => store.digest);
  await server.kill('SIGTERM');
  await eventually('offline', () => follower.status !== 'streaming');
  server = await place.serve([...disk, '--web', server.web]);
  await server.fill('b', 100);
  await agree(server, () => store.digest);
  const kept = store.digest;

  await server.kill();
  server = await place.serve(['--web', server.web]);
  await server.fill('other', 10);
  await eventually('a refusal', () => follower.fault?.text.includes('history differs'));
  assert.equal(store.digest, kept, 'what was here stays');
  await follower.close();
  follower = await follow({ url: server.url, store, adopt: true, limits: FAST });
  await agree(server, () => store.digest);
  assert.equal(store.size, 10);
  await follower.close();
});

test('an age counts to the time of asking', async (t) => {
  const server = await new Place(t).serve();
  const store = new MemoryStore();
  const follower = await follow({ url: server.url, store });
  t.after(() => follower.close());
  assert.equal(follower.originAgeMs, undefined);
  await follower.caughtUp();
  // No turn of the follower comes in between: this loop does not yield.
  const [before, begun] = [follower.originAgeMs, performance.now()];
  while (performance.now() - begun < 30);
  assert.ok(follower.originAgeMs - before >= 30, `${before} ms, then ${follower.originAgeMs} ms`);
});

test('what an earlier connection heard says nothing of the next: caughtUp waits for its own', async (t) => {
  const server = await new Place(t).serve();
  await server.fill('old', 1000);
  // Dials the address that `dials` holds at the moment.
  const dials = { to: server.url, last: undefined };
  const Socket = class extends (WebSocket) {
    constructor() {
      super(dials.to);
      dials.last = this;
    }
  };
  const store = new MemoryStore();
  const follower = await follow({ url: server.url, store, limits: FAST, WebSocket: Socket });
  t.after(() => follower.close());
  await follower.caughtUp();
  dials.to = 'ws://127.0.0.1:1/';
  dials.last.close();
  await eventually('the cut', () => follower.status === 'offline' || follower.status === 'dialing');
  await server.fill('missed', 20_000, 'v'.repeat(1000));
  const caught = follower.caughtUp();
  dials.to = server.url;
  await caught;
  assert.equal(store.size, 21_000, 'all that was missed is here');
  assert.equal(follower.lagMs, 0);
});

test('the newest changes are kept for who asks', async (t) => {
  const server = await new Place(t).serve();
  await server.fill('old', 10);
  const store = new MemoryStore();
  const follower = await follow({ url: server.url, store });
  t.after(() => follower.close());
  await follower.caughtUp();
  assert.deepEqual(store.recent(), []);
  store.keepRecent(3);
  await server.ask(['SET', 'a', '1'], ['INCRBY', 'a', '41'], ['SET', 'b', 'v'.repeat(1000)], ['DEL', 'old:1']);
  await agree(server, () => store.digest);
  const told = store.recent().map(({ kind, key, value, valueBytes }) => [kind, text(key), text(value), valueBytes]);
  const incrby = ['incrby', 'a', '41', 2];
  assert.deepEqual(told, [['del', 'old:1', '', 0], ['set', 'b', 'v'.repeat(256), 1000], incrby]);
  assert.deepEqual(store.recent().map(({ number, offset }) => [number, offset]), [[3, 14n], [2, 13n], [1, 12n]]);
});

test('an upstream with longer records than fit here is refused, and says why', async (t) => {
  const server = await new Place(t).serve();
  const store = new MemoryStore();
  const follower = await follow({ url: server.url, store, limits: { backlogBytes: 1 << 20 } });
  await eventually('a refusal', () => follower.fault?.text.includes('larger than this replica accepts'));
  assert.equal(follower.fault.code, 5);
  await follower.close();
});

test('one follower a store; a signal ends it; what waits is told', async (t) => {
  const server = await new Place(t).serve();
  const store = new MemoryStore();
  const ending = new AbortController();
  const follower = await follow({ url: server.url, store, signal: ending.signal });
  await assert.rejects(follow({ url: server.url, store }), { code: Code.misuse });
  assert.throws(() => store.dispose(), { code: Code.misuse });
  await follower.caughtUp();
  ending.abort();
  assert.equal(follower.closed, true);
  await assert.rejects(follower.caughtUp(), { code: Code.disposed });
  await assert.rejects(follow({ url: server.url, store, signal: ending.signal }), { name: 'AbortError' });
  await eventually('the server to see it leave', () => server.log.includes('left'));
  store.dispose();
});

test('nobody there: it stays offline and tries again', async () => {
  const store = new MemoryStore();
  const follower = await follow({ url: 'ws://127.0.0.1:1/replicate', store, limits: FAST });
  const seen = [];
  follower.onstatus = (status) => seen.push(status);
  await eventually('three tries', () => seen.filter((status) => status === 'dialing').length >= 3);
  assert.equal(follower.lagMs, undefined);
  await follower.close();
  store.dispose();
});
