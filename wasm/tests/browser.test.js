// The page in a real browser: a tab that follows a real server, through a cut and through the server's restart.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { eventually, Place } from './support.js';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
  '--disable-background-networking', '--disable-component-update'];

let browser;
let profile;

before(async () => {
  profile = mkdtempSync(join(tmpdir(), 'towline-browser-'));
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  browser = await chromium.launchPersistentContext(profile, { headless: true, executablePath, args: FLAGS });
});

after(async () => {
  await browser?.close();
  rmSync(profile, { recursive: true, force: true });
});

/** Opens the page of a server; collects every error in it. */
async function open(server) {
  const page = await browser.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') {
      page.faults.push(`${message.text()} (${message.location().url})`);
    }
  });
  await page.goto(`http://${server.web}/`);
  return page;
}

const text = (page, id) => page.textContent(`#${id}`);

/** Waits until the tab's own digest is the server's, which a redis command returns. */
async function agree(page, server) {
  await eventually('the tab to hold what the server holds', async () => {
    const here = await text(page, 'digest');
    return here !== '' && here === (await server.digest());
  });
}

test('a tab follows, is cut off, catches up, and survives a restart of its server', async (t) => {
  const place = new Place(t);
  const disk = ['--store', 'disk', '--dir', join(place.folder, 'data')];
  let server = await place.serve(disk);
  await server.fill('old', 5000);
  const page = await open(server);
  await eventually('streaming', async () => (await text(page, 'state')) === 'streaming');
  await agree(page, server);
  assert.equal(await text(page, 'keys'), '5,000');
  await eventually('the verdict', async () => (await text(page, 'verdict')) === 'identical');

  // A write shows without any action in the page.
  await server.ask(['SET', 'a-greeting', 'hello']);
  await eventually('the new key', async () => (await page.textContent('#rows')).includes('a-greetinghello'));

  // So does a write of the page itself; and all are listed, the newest first.
  await page.fill('#key', 'by-the-page');
  await page.fill('#value', 'yes');
  await page.click('#set button');
  await eventually('the write to be here', async () => (await text(page, 'told')).includes('is set, and was here'));
  assert.deepEqual(await server.ask(['GET', 'by-the-page'], ['DEL', 'by-the-page']), ['yes', ':1']);
  await eventually('the last changes', async () => {
    const lines = await page.locator('#changes li').allTextContents();
    return lines.length === 3 && lines.every((line, index) => line.startsWith(['del', 'set', 'set'][index]));
  });

  // The picture: this tab, fed by the primary.
  await eventually('the picture', async () => {
    const said = await page.getAttribute('#picture svg', 'aria-label');
    return said?.includes('primary 127.0.0.1') && said.includes('feeds this tab') && said.includes('streaming');
  });
  await eventually('a title', async () => (await page.title()).startsWith('Towline: primary 127.0.0.1'));
  await eventually('a lag that is known', async () => (await text(page, 'lag')) === 'none');

  // Cut off: later writes come with the next connection, and from the stream.
  await page.click('#offline');
  // The page draws when it has time for it.
  await eventually('offline', async () => (await text(page, 'state')) === 'offline');
  await server.fill('missed', 3000);
  assert.equal(await text(page, 'keys'), '5,001');
  await page.click('#online');
  await agree(page, server);
  assert.equal(await text(page, 'keys'), '8,001');
  const status = JSON.parse((await server.ask(['TOWLINE', 'STATUS']))[0]);
  assert.equal(status.counters.full_syncs, 1, 'the second join went on where the first had ended');

  // A restart of the server: the tab dials again by itself.
  await server.kill('SIGTERM');
  await eventually('offline', async () => (await text(page, 'state')) === 'offline');
  assert.equal(await text(page, 'keys'), '8,001', 'what was received stays');
  await eventually('a picture without a server', async () => {
    const said = await page.getAttribute('#picture svg', 'aria-label');
    return /this tab [^,]*, (offline|dialing)/.test(said);
  });
  server = await place.serve([...disk, '--web', server.web]);
  await server.fill('after', 1000);
  await eventually('streaming', async () => (await text(page, 'state')) === 'streaming');
  await agree(page, server);
  assert.equal(await text(page, 'keys'), '9,001');
  // During the restart the server was gone; while it stopped, it refused its report.
  const restart = /net::ERR_|status of 503 .*standing\.json/;
  assert.deepEqual(page.faults.filter((fault) => !restart.test(fault)), []);
  await page.close();
});
