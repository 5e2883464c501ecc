/** For node, deno and bun: reads the module beside it and starts at once. */
import { readFileSync } from 'node:fs';

import { initSync } from './module.js';

initSync(readFileSync(new URL('./towline.wasm', import.meta.url)));

export * from './index.js';
