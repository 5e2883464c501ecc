// How fast a replica applies in a tab of Chromium, over a WebSocket, from a server on the same machine; and for how
// long the tab could not react to its user meanwhile.
//
// The tab is cut off, the server is written to, and the tab comes back: the time counts from there until both hold the
// same. The browser reports how much processor each task of the page took, so other programs on the machine do not
// count. The task that makes the follower is left out, because it clears a ring of the server's size, once.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { agree, eventually, Place } from '../tests/support.js';

const RECORDS = 300_000;
/** How many keys are overwritten. */
const KEYS = 1000;
const BATCH = 10_000;
const STARTS = 5;

const ends = [];
const place = new Place({ after: (end) => ends.push(end) });
const profile = mkdtempSync(join(tmpdir(), 'towline-bench-'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const server = await place.serve();
  const page = await browser.newPage();
  await page.goto(`http://${server.web}/`);
  const digest = () => page.textContent('#digest');
  await eventually('streaming', async () => (await page.textContent('#state')) === 'streaming');
  console.log(`counted: tab_start_ms = ${(await page.evaluate(starts, STARTS)).toFixed(1)}`);
  for (const [what, keys] of [['new_keys', RECORDS], ['overwrites', KEYS]]) {
    const ms = await page.evaluate(catchUp, await missed(page, server, what, keys));
    console.log(`counted: tab_${what}_records_a_second = ${Math.round((RECORDS / ms) * 1000)}`);
    await agree(server, digest);
  }
  // Measured separately, because tracing each task slows the page.
  const wanted = await missed(page, server, 'told', KEYS);
  await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] });
  await page.evaluate(catchUp, wanted);
  console.log(`counted: tab_longest_task_ms = ${longestTask(await browser.stopTracing()).toFixed(1)}`);
  await agree(server, digest);
  const status = JSON.parse((await server.ask(['TOWLINE', 'STATUS']))[0]);
  if (status.counters.full_syncs !== 1) {
    throw new Error('it was a snapshot that was measured, not the stream');
  }
} finally {
  await browser.close();
  await Promise.all(ends.map((end) => end()));
  rmSync(profile, { recursive: true, force: true });
}

/** Cuts the tab off and writes to the server; returns the digest that the tab must reach. */
async function missed(page, server, what, keys) {
  await page.click('#offline');
  for (let from = 0; from < RECORDS; from += BATCH) {
    const part = Array.from({ length: BATCH }, (_, index) => from + index);
    // No two values are equal: else the digest could match before everything came.
    await server.ask(...part.map((number) => ['SET', `key:${number % keys}`, `${what}${number}`.padEnd(100, 'v')]));
  }
  return server.digest();
}

/** Runs in the page: from the click to the wanted digest, checked with each tick. */
function catchUp(wanted) {
  return new Promise((done) => {
    const begun = performance.now();
    document.getElementById('online').click();
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      if (document.getElementById('digest').textContent === wanted) {
        done(performance.now() - begun);
      } else {
        channel.port2.postMessage(0);
      }
    };
    channel.port2.postMessage(0);
  });
}

/** Runs in the page: milliseconds from asking for the module to its instance, the best of some. */
async function starts(count) {
  let best = Infinity;
  for (let start = 0; start < count; start += 1) {
    const begun = performance.now();
    const module = await WebAssembly.compileStreaming(fetch('towline.wasm', { cache: 'reload' }));
    const nothing = WebAssembly.Module.imports(module).map(({ name }) => [name, () => undefined]);
    await WebAssembly.instantiate(module, { './towline_bg.js': Object.fromEntries(nothing) });
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

/** Returns the milliseconds of processor of the page's longest task, from the browser's trace. */
function longestTask(told) {
  const { traceEvents } = JSON.parse(told.toString());
  const tasks = traceEvents.filter(({ name, ph }) => ph === 'X' && name.endsWith('::RunTask'));
  const threads = new Map();
  for (const task of tasks) {
    const thread = `${task.pid} ${task.tid}`;
    threads.set(thread, [...(threads.get(thread) ?? []), task]);
  }
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const ours = mains.map(({ pid, tid }) => threads.get(`${pid} ${tid}`) ?? []);
  const page = ours.reduce((most, one) => (one.length > most.length ? one : most));
  const click = traceEvents.find(({ name, args }) => name === 'EventDispatch' && args.data?.type === 'click');
  const made = (task) => task.ts <= click.ts && click.ts < task.ts + task.dur;
  // A processor time above the wall time was read on another core.
  return Math.max(...page.filter((task) => !made(task)).map(({ dur, tdur }) => Math.min(dur, tdur ?? dur))) / 1000;
}
