/**
 * A live replica of a Towline server, in a browser tab or in node.
 *
 * ```ts
 * import { init, follow, MemoryStore } from 'towline';
 *
 * await init('/towline.wasm');              // node needs no init
 * const store = new MemoryStore();
 * const follower = await follow({ url: 'ws://127.0.0.1:7080/replicate', store });
 * await follower.caughtUp();
 * store.get('greeting');
 * ```
 *
 * @packageDocumentation
 */
export type { Change, ChangeKind } from './changes.js';
export { Code, TowlineError } from './error.js';
export { follow, Follower } from './follow.js';
export { init, initSync, reset } from './module.js';
export { Node, type NodeOptions } from './node-core.js';
export type { Fault, FollowOptions, Status } from './options.js';
export type { Source } from './source.js';
export { MemoryStore, type Row } from './store.js';
export type {
  Event, Kind, Level, Limits, Link, Next, NodeId, Offset, Payload, Place, Position, SnapshotId, Step,
} from './types.js';
