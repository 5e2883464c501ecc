// Which WebSocket a follower uses: the caller's, the platform's, or one that an entry of this package knows to find.

import { Code, TowlineError } from './error.js';

/** The standard's class, or one that is used as it is. */
export type SocketClass = typeof WebSocket;

let find: (() => Promise<SocketClass>) | undefined;

/** Where to look on a platform that has none of its own. */
export function findWith(finder: () => Promise<SocketClass>): void {
  find = finder;
}

/** The one to use; without any, an error. */
export async function socketClass(own: SocketClass | undefined): Promise<SocketClass> {
  return own ?? globalThis.WebSocket ?? (await find?.()) ?? none();
}

/** Says that there is none. */
export function none(): never {
  throw new TowlineError(Code.config, 'this platform has no WebSocket: pass one as the option `WebSocket`');
}
