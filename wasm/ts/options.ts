// What a follower is asked for, and the states it tells.

import type { MemoryStore } from './store.js';
import type { Limits } from './types.js';

/** `offline`: nothing stands, a redial is due. `waiting`: joined, and the upstream has nothing to send yet. */
export type Status = 'offline' | 'dialing' | 'waiting' | 'snapshot' | 'streaming';

/** Why the last connection ended. */
export interface Fault {
  readonly code: number;
  readonly text: string;
  readonly byPeer: boolean;
}

export interface FollowOptions {
  /** Where the upstream accepts replicas: `ws://127.0.0.1:7080/replicate`. */
  readonly url: string | URL;
  /** What is filled. What it holds already is gone on from. */
  readonly store: MemoryStore;
  /** Replace what the store holds if the upstream's history is another. */
  readonly adopt?: boolean;
  /** Ends it. */
  readonly signal?: AbortSignal;
  /** Of the core. An upstream whose records may be longer than a quarter of `backlogBytes` is refused. */
  readonly limits?: Limits;
  /** For a platform that has none of its own. */
  readonly WebSocket?: typeof WebSocket;
}
