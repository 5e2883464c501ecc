// How fast a replica applies: in a tab of Chromium, over a WebSocket, from a server on the same machine.
//
// The tab is cut off, the server is written to, the tab comes back: what counts is from there until both hold the same.
// Beside it a timer ticks, whose longest silence is how long the page could not have answered its user.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { agree, eventually, Place } from '../tests/support.js';

const RECORDS = 300_000;
const BATCH = 10_000;

const ends = [];
const place = new Place({ after: (end) => ends.push(end) });
const profile = mkdtempSync(join(tmpdir(), 'towline-bench-'));
const browser = await chromium.launchPersistentContext(profile, {
  headless: true,
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const rows = [];
try {
  const server = await place.serve();
  const page = await browser.newPage();
  await page.goto(`http://${server.web}/`);
  const digest = () => page.textContent('#digest');
  await eventually('streaming', async () => (await page.textContent('#state')) === 'streaming');
  // Other values in each round: equal ones would give the wanted digest before anything came.
  for (const [what, keys, value] of [['new keys', RECORDS, 'v'.repeat(100)], ['overwrites', 1000, 'w'.repeat(100)]]) {
    await page.click('#offline');
    for (let from = 0; from < RECORDS; from += BATCH) {
      const part = Array.from({ length: BATCH }, (_, index) => (from + index) % keys);
      await server.ask(...part.map((key) => ['SET', `key:${key}`, value]));
    }
    const wanted = await server.digest();
    const { ms, silence } = await page.evaluate(measure, wanted);
    rows.push({ what: `tab applies ${what}`, value: RECORDS / ms * 1000, unit: 'records/s', least: 100_000 });
    rows.push({ what: `page silent, ${what}`, value: silence, unit: 'ms', most: 8 });
    await agree(server, digest);
  }
  const status = JSON.parse((await server.ask(['TOWLINE', 'STATUS']))[0]);
  if (status.counters.full_syncs !== 1) {
    throw new Error('it was a snapshot that was measured, not the stream');
  }
} finally {
  await browser.close();
  await Promise.all(ends.map((end) => end()));
  rmSync(profile, { recursive: true, force: true });
}
for (const { what, value, unit, least, most } of rows) {
  const met = least === undefined ? value <= most : value >= least;
  const target = least === undefined ? `<= ${most}` : `>= ${least}`;
  console.log(`${what.padEnd(28)} ${Math.round(value).toString().padStart(9)} ${unit.padEnd(10)} ${target.padEnd(10)} ${
    met ? 'ok' : 'MISSED'}`);
}

/** In the page: from the click to the wanted digest, looked at with each tick. */
function measure(wanted) {
  return new Promise((done) => {
    const begun = performance.now();
    let [last, silence] = [begun, 0];
    document.getElementById('online').click();
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const now = performance.now();
      [last, silence] = [now, Math.max(silence, now - last)];
      if (document.getElementById('digest').textContent === wanted) {
        done({ ms: now - begun, silence });
      } else {
        channel.port2.postMessage(0);
      }
    };
    channel.port2.postMessage(0);
  });
}
