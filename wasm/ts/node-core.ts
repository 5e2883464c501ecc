// The core for programs with a transport and a store of their own: synchronous, no IO, no clock.

import { RawNode, RawOptions, is_cursor, misuse_text } from './towline_bg.js';
import { Code, TowlineError } from './error.js';
import { call, held, hold, memory, release } from './module.js';
import { Input, type Places, kindOf, places, read, small, EventKind, word, write } from './record.js';
import type {
  Event, Kind, Level, Limits, Link, Next, NodeId, Offset, Payload, Place, Position, SnapshotId, Step,
} from './types.js';

/** The options of a node. */
export interface NodeOptions extends Limits {
  readonly role: 'primary' | 'replica';
  /** The node's own name, the same at every start. */
  readonly node: NodeId | bigint;
  /** 32 fresh random bytes for every start; from the platform when left out. */
  readonly seed?: Uint8Array;
  /** Unix time at time 0, in milliseconds. */
  readonly unixZeroMs?: number;
  /** The cursor that was kept with the data; left out for an empty store. */
  readonly cursor?: Uint8Array;
}

/** Bytes given to the core at a time while it does not know how much makes a frame. */
const FIRST_BYTES = 64 << 10;
const LEVELS: readonly Level[] = ['received', 'applied', 'persisted'];
const NEXT: readonly Next[] = ['need-bytes', 'again', 'closed'];
const KINDS: readonly (Kind | undefined)[] = [undefined, 'batch', 'spool', 'fork', 'begin', 'piece', 'last-piece'];

/** Makes Rust's node from options. */
export function make(options: NodeOptions): RawNode {
  const { role, node, seed, unixZeroMs, cursor, ...limits } = options;
  const dice = seed ?? crypto.getRandomValues(new Uint8Array(32));
  return call(Code.config, () => {
    if (cursor !== undefined && !is_cursor(cursor)) {
      const told = `the cursor of ${cursor.length} bytes is damaged, or of another version`;
      throw new TowlineError(Code.cursor, told, cursor.length);
    }
    const raw = new RawOptions();
    try {
      for (const [name, value] of Object.entries(limits) as [string, number | boolean | undefined][]) {
        if (value !== undefined && !raw.set(name, Number(value))) {
          throw new TowlineError(Code.config, `${name}: ${value} is no option, or no whole number`);
        }
      }
      return new RawNode(raw, BigInt.asUintN(64, node), role === 'primary', dice, unixZeroMs ?? 0, cursor);
    } finally {
      raw.free();
    }
  });
}

/** A replication node: bytes, time and completions in, bytes and events out. Times are milliseconds. */
export class Node implements Disposable {
  readonly #raw: RawNode;
  readonly #at: Places;
  readonly #busy = new Set<number>();
  #lent = false;

  constructor(options: NodeOptions) {
    this.#raw = hold(this, make(options));
    this.#at = places(this.#raw);
  }

  /** Notes that a connection is up; returns its id. */
  opened(now: number, side: 'up' | 'down'): Link {
    let link = 0;
    while (this.#busy.has(link)) {
      link += 1;
    }
    this.#handle(now, Input.opened, link, side === 'up' ? 1n : 0n);
    this.#busy.add(link);
    return link as Link;
  }

  /** Notes that a connection is gone; its id is free. */
  lost(now: number, link: Link): void {
    this.#handle(now, Input.lost, link);
    this.#busy.delete(link);
  }

  /** Notes that the connection that a `dial` asked for could not be made. */
  dialFailed(now: number): void {
    this.#handle(now, Input.dialFailed);
  }

  /** Handles the unread bytes of a link. At most one frame is taken: call again with the rest while it says `again`. */
  bytes(now: number, link: Link, data: Uint8Array): Step {
    let limit = FIRST_BYTES;
    for (;;) {
      const part = data.length > limit ? data.subarray(0, limit) : data;
      const step = this.#handle(now, Input.bytes, link, 0n, 0n, 0n, part);
      if (step.next !== 'need-bytes' || part.length === data.length || step.used > 0) {
        return step;
      }
      limit = Math.max(step.need, 2 * limit);
    }
  }

  /** Appends a record; returns the offset after it. */
  write(now: number, data: Uint8Array): Offset {
    return this.#handle(now, Input.write, 0, 0n, 0n, 0n, data).offset as Offset;
  }

  /** Seals the written records; keep the position with the data. */
  flush(now: number): Position | undefined {
    return this.#handle(now, Input.flush).position;
  }

  /** Notes that records before `upto`, and the first `pieces` of a snapshot, are queued or stored here. */
  taken(now: number, upto: Offset, pieces = 0n): void {
    this.#handle(now, Input.taken, 0, upto, pieces);
  }

  applied(now: number, upto: Offset): void {
    this.#handle(now, Input.applied, 0, upto);
  }

  persisted(now: number, upto: Offset): void {
    this.#handle(now, Input.persisted, 0, upto);
  }

  /** Notes that a view is open, exactly at `cursor`. */
  snapshotReady(now: number, snapshot: SnapshotId, cursor: Uint8Array, size?: bigint): void {
    this.#handle(now, Input.snapshotReady, 0, snapshot, size ?? 0xffff_ffff_ffff_ffffn, 0n, cursor);
  }

  snapshotPiece(now: number, snapshot: SnapshotId, piece: bigint, data: Uint8Array, last: boolean): void {
    this.#handle(now, Input.snapshotPiece, 0, snapshot, piece, last ? 1n : 0n, data);
  }

  snapshotFailed(now: number, snapshot: SnapshotId, retry: boolean): void {
    this.#handle(now, Input.snapshotFailed, 0, snapshot, retry ? 1n : 0n);
  }

  /** Notes that the received snapshot replaced the old state. */
  installed(now: number, snapshot: SnapshotId): Position | undefined {
    return this.#handle(now, Input.installed, 0, snapshot).position;
  }

  /** Notes that the store is at the fork: all records handed out before it are applied, those past it are undone. */
  rewound(now: number): Step {
    return this.#handle(now, Input.rewound);
  }

  promote(now: number): Step {
    return this.#handle(now, Input.promote);
  }

  follow(now: number, adopt = false): void {
    this.#handle(now, Input.follow, 0, adopt ? 1n : 0n);
  }

  shutdown(now: number): void {
    this.#handle(now, Input.shutdown);
  }

  tick(now: number): void {
    this.#handle(now, Input.tick);
  }

  /** Yields all events that are due now. */
  *events(): IterableIterator<Event> {
    for (let count = this.#poll(); count > 0; count = this.#poll()) {
      // Copied before the caller sees one: calls in between may write new ones in the same place.
      const told = Array.from({ length: count }, (_, index) => read(this.#at.events, index));
      yield* told;
    }
  }

  #poll(): number {
    const count = call(Code.misuse, () => this.#use().poll());
    for (let index = 0; index < count; index += 1) {
      if (kindOf(this.#at.events, index) === EventKind.close) {
        this.#busy.delete(memory().words[(this.#at.events + index * 64 + 4) >> 2] as number);
      }
    }
    return count;
  }

  /**
   * Lends the bytes on offer on a link, slice by slice, to `sink`, which returns how many bytes it took and calls
   * nothing of this node. The view is of the module's memory and valid during the call. Returns whether there is more.
   */
  transmit(now: number, link: Link, sink: (view: Uint8Array) => number): boolean {
    const offered = call(Code.misuse, () => this.#use().peek(link));
    let taken = 0;
    if (offered > 0) {
      this.#lent = true;
      try {
        for (let slice = 0; slice < 3; slice += 1) {
          const view = sliceAt(this.#at, slice);
          const took = view.length > 0 ? sink(view) : 0;
          taken += took;
          if (took < view.length) {
            break;
          }
        }
      } finally {
        this.#lent = false;
      }
    }
    const more = call(Code.misuse, () => this.#use().consume(now, link, taken));
    if (more < 0) {
      throw misuse(-more);
    }
    return more === 1;
  }

  /** Returns the bytes to keep with the data of this position, in one atomic step. */
  cursor(position: Position): Uint8Array {
    const { epoch, boundary, digest } = position;
    return call(Code.misuse, () => this.#use().cursor(epoch, boundary, digest));
  }

  /** Returns the place of the record before an offset: remember it for a write whose answer is pending. */
  place(offset: Offset): Place | undefined {
    const epoch = call(Code.misuse, () => this.#use().epoch_of(offset));
    return epoch === undefined ? undefined : { epoch, offset };
  }

  /** Returns whether this node's history still holds that record: after a fork the same offset is another record. */
  holds(place: Place): boolean {
    return call(Code.misuse, () => this.#use().holds(place.epoch, place.offset));
  }

  /** Returns the offset that `n` connected replicas have reached; with 0 the log's end. Ask {@link holds} beside it. */
  acked(level: Level, n: number): Offset {
    return call(Code.misuse, () => this.#use().acked(LEVELS.indexOf(level) + 1, n)) as Offset;
  }

  /** The latest time of the next `tick`; undefined for never. */
  get nextDeadline(): number | undefined {
    const at = call(Code.misuse, () => this.#use().next_deadline());
    return at === Infinity ? undefined : at;
  }

  dispose(): void {
    release(this, this.#raw);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #use(): RawNode {
    if (this.#lent) {
      throw new TowlineError(Code.reentered, 'a sink calls nothing of the node it takes bytes from');
    }
    if (!held(this.#raw)) {
      throw new TowlineError(Code.disposed, 'this node was disposed of');
    }
    return this.#raw;
  }

  #handle(now: number, kind: number, link = 0, a = 0n, b = 0n, c = 0n, data?: Uint8Array): Step {
    const code = call(Code.misuse, () => {
      const raw = this.#use();
      const room = raw.room(data?.length ?? 0);
      if (data !== undefined) {
        memory().bytes.set(data, room);
      }
      write(this.#at.input, kind, link, a, b, c);
      return raw.handle(now, data?.length ?? 0);
    });
    if (code !== 0) {
      throw misuse(code);
    }
    return answer(this.#at.answer, data);
  }
}

/** A slice on offer. */
export function sliceAt(at: Places, slice: number): Uint8Array {
  const { bytes, words } = memory();
  const place = (at.slices >> 2) + 2 * slice;
  const from = words[place] as number;
  return bytes.subarray(from, from + (words[place + 1] as number));
}

export function misuse(number: number): TowlineError {
  return new TowlineError(Code.misuse, misuse_text(number) ?? 'no input of this version', number);
}

function answer(at: number, data: Uint8Array | undefined): Step {
  const there = small(at, 3);
  const step: { -readonly [name in keyof Step]: Step[name] } = {
    used: small(at, 0),
    need: small(at, 1),
    next: NEXT[small(at, 2)] as Next,
  };
  if ((there & 1) !== 0) {
    step.offset = word(at, 4) as Offset;
  }
  if ((there & 2) !== 0) {
    step.position = { epoch: word(at, 5), boundary: word(at, 6) as Offset, digest: word(at, 7) };
  }
  const kind = KINDS[small(at, 12)];
  if ((there & 4) !== 0 && kind !== undefined && data !== undefined) {
    const from = small(at, 8);
    const bytes = data.subarray(from, from + small(at, 9));
    const payload: Payload = {
      kind, first: word(at, 10), count: small(at, 11), bytes, snapshot: word(at, 13) as SnapshotId,
    };
    step.payload = payload;
  }
  return step;
}
