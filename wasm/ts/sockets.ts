// The choice of a follower's WebSocket: the caller's, the platform's, or one that an entry of this package finds.

import { Code, TowlineError } from './error.js';

/** The class of the standard, or one that is used the same way. */
export type SocketClass = typeof WebSocket;

let find: (() => Promise<SocketClass>) | undefined;

/** Sets how to find a class on a platform that has none of its own. */
export function findWith(finder: () => Promise<SocketClass>): void {
  find = finder;
}

/** Returns the class to use; without any, throws. */
export async function socketClass(own: SocketClass | undefined): Promise<SocketClass> {
  return own ?? globalThis.WebSocket ?? (await find?.()) ?? none();
}

/** Throws that there is none. */
export function none(): never {
  throw new TowlineError(Code.config, 'this platform has no WebSocket: pass one as the option `WebSocket`');
}
