/** For any bundler, or none: the module is text in the script, and starts at once. */
import text from './base64.js';
import { initSync } from './module.js';

initSync(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)));

export * from './index.js';
