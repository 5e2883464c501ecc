/** For node, deno and bun: reads the module beside it and starts at once. Up to node 21 the WebSocket is that of ws. */
import { readFileSync } from 'node:fs';

import { Code, TowlineError } from './error.js';
import { initSync } from './module.js';
import { findWith, type SocketClass } from './sockets.js';

initSync(readFileSync(new URL('./towline.wasm', import.meta.url)));

findWith(async () => {
  const ws = await import('ws').catch((cause: unknown) => {
    const cure = '`npm install ws`, or node 22, or pass one as the option `WebSocket`';
    throw new TowlineError(Code.config, `this node has no WebSocket, and ws is not installed: ${cure}`, 0, { cause });
  });
  class Plain extends ws.WebSocket {
    constructor(url: string | URL) {
      // The stream hardly shrinks, and a frame that waits for a compressor would lie in memory that moves.
      super(url, { perMessageDeflate: false });
    }
  }
  return Plain as unknown as SocketClass;
});

export * from './index.js';
