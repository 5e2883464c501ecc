// The options of a follower, and its states.

import type { MemoryStore } from './store.js';
import type { Limits } from './types.js';

/** `offline`: no connection, a redial is due. `waiting`: joined, and the upstream has nothing to send yet. */
export type Status = 'offline' | 'dialing' | 'waiting' | 'snapshot' | 'streaming';

/** The reason why the last connection ended. */
export interface Fault {
  readonly code: number;
  readonly text: string;
  readonly byPeer: boolean;
}

export interface FollowOptions {
  /** The address where the upstream accepts replicas: `ws://127.0.0.1:7080/replicate`. */
  readonly url: string | URL;
  /** The store to fill. A follower goes on from its content. */
  readonly store: MemoryStore;
  /** Replace the store's content if the upstream's history is another. */
  readonly adopt?: boolean;
  /** Closes the follower. */
  readonly signal?: AbortSignal;
  /** The core's limits. An upstream whose records may be longer than a quarter of `backlogBytes` is refused. */
  readonly limits?: Limits;
  /** The class of sockets on a platform that has none of its own. */
  readonly WebSocket?: typeof WebSocket;
}
