// The tarball as a user has it: installed somewhere else, imported, required, bundled, and type-checked.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Place } from './support.js';

const home = fileURLToPath(new URL('..', import.meta.url));
let folder;

function run(program, ...args) {
  return execFileSync(program, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function file(name, ...lines) {
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  return name;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'towline-package-'));
  const tarball = readdirSync(join(home, 'pkg')).find((name) => name.endsWith('.tgz'));
  file('package.json', '{ "private": true }');
  // Without optional packages, so that the same ones are absent everywhere.
  run('npm', 'install', '--no-audit', '--no-fund', '--offline', '--omit=optional', join(home, 'pkg', tarball));
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** The five lines of docs/embedding-web.md, as they stand there but for the server's address. */
async function fiveLines(t) {
  const page = readFileSync(join(home, '../docs/embedding-web.md'), 'utf8');
  const lines = /## Five lines\n\n```ts\n([^`]*)```/.exec(page)[1].trim().split('\n');
  const server = await new Place(t).serve();
  await server.ask(['SET', 'greeting', 'hello']);
  const here = lines.map((line) => line.replace('127.0.0.1:7080', server.web));
  const show = "console.log(new TextDecoder().decode(store.get('greeting')));";
  return file('five.mjs', ...here, show, 'await follower.close();');
}

test('the five lines of the page work in node, of whatever version', async (t) => {
  const name = await fiveLines(t);
  run('npm', 'install', '--no-audit', '--no-fund', '--offline', '--no-save', join(home, 'node_modules/ws'));
  t.after(() => rmSync(join(folder, 'node_modules/ws'), { recursive: true, force: true }));
  assert.equal(run('node', name), 'hello\n');
});

const builtIn = globalThis.WebSocket !== undefined;
test('without any WebSocket the error names the cures', { skip: builtIn && 'this node has one' }, async (t) => {
  const name = await fiveLines(t);
  const { status, stderr } = spawnSync('node', [name], { cwd: folder, encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /this node has no WebSocket, and ws is not installed: `npm install ws`, or node 22/);
});

const USE = [
  "const node = new Node({ role: 'primary', node: 1n });",
  'console.log(node.write(0, new Uint8Array(3)), new MemoryStore().digest);',
];
const SAID = `1n ${'0'.repeat(32)}\n`;

test('node imports it', () => {
  assert.equal(run('node', file('a.mjs', "import { MemoryStore, Node } from 'towline';", ...USE)), SAID);
});

test('node requires it', () => {
  const name = file('a.cjs', "const { MemoryStore, Node } = require('towline');", ...USE);
  assert.equal(run('node', '--no-warnings', name), SAID);
});

for (const [runtime, ...args] of [['bun', 'run'], ['deno', 'run', '--allow-read']]) {
  const absent = spawnSync(runtime, ['--version']).error !== undefined;
  test(`${runtime} runs it`, { skip: absent && `${runtime} is not installed` }, () => {
    const name = file(`${runtime}.mjs`, "import { MemoryStore, Node } from 'towline';", ...USE);
    assert.equal(run(runtime, ...args, name), SAID);
  });
}

test('the slim entry starts when it is told to', () => {
  const name = file(
    'slim.mjs',
    "import { init, MemoryStore, Node } from 'towline/slim';",
    "import { readFileSync } from 'node:fs';",
    'try { new MemoryStore(); } catch (error) { console.log(error.code); }',
    "await init(readFileSync(new URL(import.meta.resolve('towline/towline.wasm'))));",
    ...USE,
  );
  assert.equal(run('node', name), `-51\n${SAID}`);
});

test('the simulator is an entry of its own', () => {
  const name = file(
    'sim.mjs',
    "import { init, resolve, traceHash } from 'towline/sim';",
    "import { readFileSync } from 'node:fs';",
    "await init(readFileSync(new URL(import.meta.resolve('towline/sim.wasm'))));",
    "console.log(traceHash(resolve('mixed', 1n)).length);",
  );
  assert.equal(run('node', name), '32\n');
});

test('esbuild bundles the inline entry into one file for a browser', () => {
  const name = file('inline.mjs', "import { MemoryStore, Node } from 'towline/inline';", ...USE);
  const esbuild = join(home, 'node_modules/.bin/esbuild');
  run(esbuild, name, '--bundle', '--format=iife', '--platform=browser', '--outfile=out.cjs', '--log-level=error');
  assert.equal(run('node', 'out.cjs'), SAID);
});

test('its types hold in the strictest of projects', () => {
  file(
    'use.ts',
    "import { follow, type Link, MemoryStore, Node, type Offset, TowlineError } from 'towline';",
    'const store = new MemoryStore({ spoolBytes: 1 });',
    "const follower = await follow({ url: new URL('ws://a'), store, limits: { idleMs: 1 } });",
    'const offset: Offset = follower.offset;',
    'const value: Uint8Array | undefined = store.get(`${offset}`);',
    "const node = new Node({ role: 'primary', node: 1n });",
    "const link: Link = node.opened(0, 'down');",
    'const more: boolean = node.transmit(0, link, (view) => view.length);',
    '// @ts-expect-error: a number is no link.',
    'node.lost(0, 0);',
    '// @ts-expect-error: an offset is no name of a node.',
    "new Node({ role: 'replica', node: link });",
    'for (const event of node.events()) {',
    "  if (event.kind === 'joined') console.log(event.node, value, more, TowlineError);",
    '}',
  );
  file(
    'tsconfig.json',
    '{ "compilerOptions": { "target": "es2022", "module": "nodenext", "strict": true, "noEmit": true, "types": [],',
    '  "lib": ["es2022", "dom", "esnext.disposable"], "exactOptionalPropertyTypes": true },',
    '  "files": ["use.ts"] }',
  );
  file('package.json', '{ "private": true, "type": "module" }');
  try {
    run('node', join(home, 'node_modules/typescript/bin/tsc'));
  } catch (error) {
    assert.fail(error.stdout);
  }
});
