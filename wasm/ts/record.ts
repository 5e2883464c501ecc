// The 64-byte records and the answers of the core, read and written in place. Kinds and fields are those of
// core/src/flat.rs, words of answers those of wasm/src/node.rs.

import type { RawNode } from './towline_bg.js';
import { fault_text } from './towline_bg.js';
import { memory } from './module.js';
import type { Event, Link, NodeId, Offset, SnapshotId } from './types.js';

/** Kinds of inputs. */
export const Input = {
  tick: 1,
  opened: 2,
  lost: 3,
  dialFailed: 4,
  bytes: 5,
  write: 6,
  flush: 7,
  taken: 8,
  applied: 9,
  persisted: 10,
  snapshotReady: 11,
  snapshotPiece: 12,
  snapshotFailed: 13,
  installed: 14,
  rewound: 15,
  promote: 16,
  follow: 17,
  shutdown: 18,
} as const;

/** Kinds of events. */
export const EventKind = {
  dial: 0x101,
  joined: 0x102,
  close: 0x103,
  wantsWrite: 0x104,
  snapshotWanted: 0x105,
  snapshotRead: 0x106,
  snapshotDone: 0x107,
  caughtUp: 0x108,
  acked: 0x109,
  slotExpired: 0x10a,
  role: 0x10b,
  outranked: 0x10c,
} as const;

const RECORD_BYTES = 64;
const NS_PER_MS = 1e6;

/** The places of one node, which do not move. */
export interface Places {
  readonly input: number;
  readonly answer: number;
  readonly stats: number;
  readonly events: number;
  readonly slices: number;
}

export function places(raw: RawNode): Places {
  return {
    input: raw.input_address(),
    answer: raw.answer_address(),
    stats: raw.stats_address(),
    events: raw.events_address(),
    slices: raw.slices_address(),
  };
}

/** Writes an input; fields it does not name are zero. */
export function write(at: number, kind: number, link: number, a = 0n, b = 0n, c = 0n): void {
  const { words, longs } = memory();
  words[at >> 2] = kind;
  words[(at >> 2) + 1] = link;
  longs[(at >> 3) + 1] = a;
  longs[(at >> 3) + 2] = b;
  longs[(at >> 3) + 3] = c;
}

/** Returns a word of an answer or of statistics. */
export function word(at: number, index: number): bigint {
  return memory().longs[(at >> 3) + index] as bigint;
}

/** Returns such a word as a number, where it is known to be small. */
export function small(at: number, index: number): number {
  return memory().words[(at >> 2) + 2 * index] as number;
}

/** Returns the kind of the event at this place of the queue. */
export function kindOf(events: number, index: number): number {
  return memory().words[(events + index * RECORD_BYTES) >> 2] as number;
}

/** Returns the event that says why a link ended. */
export function closing(events: number, index: number): Event & { kind: 'close' } {
  const at = events + index * RECORD_BYTES;
  const fault = Number(word(at, 1));
  return {
    kind: 'close',
    link: memory().words[(at >> 2) + 1] as Link,
    fault,
    text: fault_text(fault) ?? `fault ${fault}`,
    byPeer: word(at, 2) === 1n,
    retryAfterMs: Number(word(at, 3)) / NS_PER_MS,
  };
}

/** Returns the event at this place of the queue. */
export function read(events: number, index: number): Event {
  const at = events + index * RECORD_BYTES;
  const code = kindOf(events, index);
  const link = memory().words[(at >> 2) + 1] as Link;
  const [a, b, c, d] = [word(at, 1), word(at, 2), word(at, 3), word(at, 4)];
  switch (code) {
    case EventKind.dial:
      return { kind: 'dial', attempt: Number(a) };
    case EventKind.joined:
      return { kind: 'joined', link, node: a as NodeId, from: b as Offset };
    case EventKind.close:
      return closing(events, index);
    case EventKind.wantsWrite:
      return { kind: 'wants-write', link };
    case EventKind.snapshotWanted:
      return { kind: 'snapshot-wanted', snapshot: a as SnapshotId, from: b as Offset };
    case EventKind.snapshotRead:
      return { kind: 'snapshot-read', snapshot: a as SnapshotId, piece: b };
    case EventKind.snapshotDone:
      return { kind: 'snapshot-done', snapshot: a as SnapshotId };
    case EventKind.caughtUp:
      return { kind: 'caught-up' };
    case EventKind.acked:
      return {
        kind: 'acked',
        node: a as NodeId,
        received: b as Offset,
        applied: c as Offset,
        persisted: d as Offset,
      };
    case EventKind.slotExpired:
      return { kind: 'slot-expired', node: a as NodeId, lag: b };
    case EventKind.role:
      return { kind: 'role', role: a === 1n ? 'primary' : 'replica', epoch: b, offset: c as Offset };
    case EventKind.outranked:
      return { kind: 'outranked', number: Number(a) };
    default:
      return { kind: 'unknown', code };
  }
}
