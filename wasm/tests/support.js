// Shared by the tests: the program under test, redis commands to it, and waiting until something is true.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PATIENCE_MS = 60_000;

/** Waits until `look` returns something. */
export async function eventually(what, look) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** A folder for one test's servers; removed with them. */
export class Place {
  constructor(test) {
    this.folder = mkdtempSync(join(tmpdir(), 'towline-web-'));
    this.servers = [];
    test.after(async () => {
      await Promise.all(this.servers.map((server) => server.kill()));
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** Starts a server and waits until it serves; with a disk store its data outlive it. */
  async serve(args = []) {
    const ready = join(this.folder, `ready-${this.servers.length}`);
    const listen = ['--listen', '127.0.0.1:0', '--replication', '127.0.0.1:0', '--ready-file', ready];
    const web = args.includes('--web') ? [] : ['--web', '127.0.0.1:0'];
    const program = process.env.TOWLINE ?? 'towline';
    const child = spawn(program, ['serve', ...listen, ...web, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const server = new Server(child);
    this.servers.push(server);
    server.told = await eventually(`${program} to serve`, () => {
      if (child.exitCode !== null) {
        throw new Error(`${program} ended: ${server.log}`);
      }
      try {
        return JSON.parse(readFileSync(ready, 'utf8'));
      } catch {
        return undefined;
      }
    });
    return server;
  }
}

class Server {
  constructor(child) {
    this.child = child;
    this.log = '';
    child.stderr.on('data', (text) => {
      this.log += text;
    });
    this.ended = new Promise((done) => child.on('exit', done));
  }

  get web() {
    return this.told.web_addr;
  }

  get url() {
    return `ws://${this.web}/replicate`;
  }

  async kill(signal = 'SIGKILL') {
    this.client?.destroy();
    this.child.kill(signal);
    await this.ended;
  }

  /** Sends commands and returns their replies; bulk strings as text, everything else as its line. */
  async ask(...commands) {
    this.client ??= await this.#connect();
    const replies = commands.map(() => new Promise((done) => this.waiting.push(done)));
    for (const words of commands) {
      const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
      this.client.write(`*${words.length}\r\n${parts.join('')}`);
    }
    return Promise.all(replies);
  }

  async #connect() {
    this.waiting = [];
    let unread = '';
    const client = connect(Number(this.told.client_addr.split(':').pop()), '127.0.0.1');
    client.setEncoding('latin1').on('error', () => undefined);
    client.on('data', (text) => {
      unread += text;
      for (;;) {
        const line = /^([^\r]*)\r\n/.exec(unread);
        if (line === null) {
          return;
        }
        const bulk = /^\$(\d+)$/.exec(line[1]);
        const end = line[0].length + (bulk === null ? 0 : Number(bulk[1]) + 2);
        if (unread.length < end) {
          return;
        }
        const reply = bulk === null ? line[1] : unread.slice(line[0].length, end - 2);
        unread = unread.slice(end);
        this.waiting.shift()?.(reply);
      }
    });
    await new Promise((done, failed) => client.on('connect', done).on('error', failed));
    return client;
  }

  /** Writes so many keys. */
  async fill(name, count, value = 'v'.repeat(100)) {
    for (let from = 0; from < count; from += 1000) {
      const part = Math.min(1000, count - from);
      await this.ask(...Array.from({ length: part }, (_, index) => ['SET', `${name}:${from + index}`, value]));
    }
  }

  async digest() {
    return (await this.ask(['TOWLINE', 'DIGEST']))[0];
  }
}

/** Waits until a replica holds what the server holds. */
export async function agree(server, digest) {
  await eventually('the same digest', async () => (await server.digest()) === (await digest()));
}
