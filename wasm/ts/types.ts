declare const brand: unique symbol;

/** The host's id of one connection. */
export type Link = number & { readonly [brand]: 'link' };
/** The number of records before a point. */
export type Offset = bigint & { readonly [brand]: 'offset' };
/** A node's own name. */
export type NodeId = bigint & { readonly [brand]: 'node' };
/** The id of one view of a store that a sender transfers. */
export type SnapshotId = bigint & { readonly [brand]: 'snapshot' };

/** How to go on with the rest of the bytes. */
export type Next = 'again' | 'need-bytes' | 'closed';

/** The kinds of a payload, in stream order. */
export type Kind = 'batch' | 'spool' | 'fork' | 'begin' | 'piece' | 'last-piece';

/** A boundary of the history, with the proof of what lies before it. */
export interface Position {
  readonly epoch: bigint;
  readonly boundary: Offset;
  readonly digest: bigint;
}

/** One record of a history: an offset alone names another one in every other history. */
export interface Place {
  /** The epoch that it was written in. */
  readonly epoch: bigint;
  /** The offset after it. */
  readonly offset: Offset;
}

/** How far a replica is: its core has the record, its store shows it, it survives a power cut there. */
export type Level = 'received' | 'applied' | 'persisted';

/** The part of one frame that is for the host. */
export interface Payload {
  readonly kind: Kind;
  /** The first record's offset, the piece's number, or the point of the fork. */
  readonly first: bigint;
  /** The number of records; for a fork 1 asks to rewind. */
  readonly count: number;
  /** A part of the caller's own buffer. */
  readonly bytes: Uint8Array;
  /** The snapshot that begins, or that a piece belongs to; 0 for all other kinds. */
  readonly snapshot: SnapshotId;
}

/** The answer to one input. */
export interface Step {
  /** How many bytes were taken from the front. */
  readonly used: number;
  /** For `need-bytes`: how many unread bytes make the next step possible. */
  readonly need: number;
  readonly next: Next;
  readonly offset?: Offset;
  /** The position after the step, if it moved: keep its cursor with the data. */
  readonly position?: Position;
  readonly payload?: Payload;
}

/** Every event of a node. More kinds may come: ignore those you do not know. */
export type Event =
  | { readonly kind: 'dial'; readonly attempt: number }
  | { readonly kind: 'joined'; readonly link: Link; readonly node: NodeId; readonly from: Offset }
  | {
      readonly kind: 'close';
      readonly link: Link;
      readonly fault: number;
      readonly text: string;
      readonly byPeer: boolean;
      readonly retryAfterMs: number;
    }
  | { readonly kind: 'wants-write'; readonly link: Link }
  | { readonly kind: 'snapshot-wanted'; readonly snapshot: SnapshotId; readonly from: Offset }
  | { readonly kind: 'snapshot-read'; readonly snapshot: SnapshotId; readonly piece: bigint }
  | { readonly kind: 'snapshot-done'; readonly snapshot: SnapshotId }
  | { readonly kind: 'caught-up' }
  | {
      readonly kind: 'acked';
      readonly node: NodeId;
      readonly received: Offset;
      readonly applied: Offset;
      readonly persisted: Offset;
    }
  | { readonly kind: 'slot-expired'; readonly node: NodeId; readonly lag: bigint }
  | { readonly kind: 'role'; readonly role: 'primary' | 'replica'; readonly epoch: bigint; readonly offset: Offset }
  | { readonly kind: 'outranked'; readonly number: number }
  | { readonly kind: 'unknown'; readonly code: number };

/** The core's options. An option that is left out has the core's default. */
export interface Limits {
  readonly backlogBytes?: number;
  readonly batchBytes?: number;
  readonly recordBytesMax?: number;
  readonly windowBytes?: number;
  readonly pieceBytesMax?: number;
  readonly pieceWindowBytes?: number;
  readonly linksMax?: number;
  readonly slotsMax?: number;
  readonly shipsMax?: number;
  readonly beatMs?: number;
  readonly idleMs?: number;
  readonly handshakeMs?: number;
  readonly lingerMs?: number;
  readonly reconnectWindowMs?: number;
  readonly redialMinMs?: number;
  readonly redialMaxMs?: number;
  readonly canRewind?: boolean;
  readonly persists?: boolean;
}
