// One plan, one trace hash: in the native program, in node and in Chromium.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { chromium } from 'playwright-core';

const SEEDS = 100;
const SCENARIO = 'mixed';
const home = new URL('../pkg/npm/', import.meta.url);

let told;

/** The simulator as `cargo xtask sim` builds it: optimised, like the module; TOWLINE_SIM names another program. */
function simulator(...args) {
  const [program, ...front] = process.env.TOWLINE_SIM ? [process.env.TOWLINE_SIM, 'sim'] : ['cargo', 'xtask', 'sim'];
  return execFileSync(program, [...front, ...args], { encoding: 'utf8', cwd: new URL('../..', import.meta.url) });
}

/** Returns the program's output, asked once: a line for each seed, with the hash of its run. */
function native() {
  told ??= simulator('check-determinism', SCENARIO, '--seeds', `0..${SEEDS}`, '--tell').trim().split('\n');
  return told;
}

/** Returns the same lines from the module: each seed drawn, and its plan played. Runs in a browser too. */
function played(sim, scenario, seeds) {
  const lines = [];
  for (let seed = 0; seed < seeds; seed += 1) {
    lines.push(`${seed} ${sim.traceHash(sim.resolve(scenario, BigInt(seed)))}`);
  }
  return lines;
}

test('a seed has the same plan, and the same run, here and in the program', async () => {
  const sim = await import(new URL('sim.js', home));
  assert.throws(() => sim.resolve(SCENARIO, 42n), { code: -51 });
  await sim.init(readFileSync(new URL('sim.wasm', home)));
  assert.throws(() => sim.resolve('no such', 42n), { code: -3 });
  // The program says in a comment above the plan that the duration was lengthened.
  const plan = simulator('resolve', SCENARIO, '--seed', '42').replace(/^#.*\n/gm, '');
  assert.equal(sim.resolve(SCENARIO, 42n), plan);
  assert.deepEqual(played(sim, SCENARIO, SEEDS), native());
});

test('and in a browser', async () => {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    const page = await browser.newPage();
    const media = { html: 'text/html', js: 'text/javascript', wasm: 'application/wasm' };
    await page.route('http://sim.test/*', (route) => {
      const name = new URL(route.request().url()).pathname.slice(1);
      const body = name === 'index.html' ? '' : readFileSync(new URL(name, home));
      return route.fulfill({ body, contentType: media[name.split('.').pop()] });
    });
    await page.goto('http://sim.test/index.html');
    const lines = await page.evaluate(async ([text, scenario, seeds]) => {
      const sim = await import('/sim.js');
      await sim.init('/sim.wasm');
      return new Function(`return ${text}`)()(sim, scenario, seeds);
    }, [played.toString(), SCENARIO, SEEDS]);
    assert.deepEqual(lines, native());
  } finally {
    await browser.close();
  }
});
