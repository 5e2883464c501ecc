// A replica over a WebSocket: it dials when the core asks, feeds the core the received bytes, sends what the core
// offers, and sleeps until the core's next deadline. The core decides when to redial and when silence is too long.
//
// Received bytes are put into the core's room at once, and go from there into the store in slices of SLICE_MS: between
// two slices the browser draws and answers its user. Waiting bytes are not acknowledged, so no more than a window
// waits.

import type { RawNode } from './towline_bg.js';
import { Code, TowlineError } from './error.js';
import { make, sliceAt } from './node-core.js';
import { call, held, hold, memory, release } from './module.js';
import { closing, Input, kindOf, type Places, places, EventKind, write } from './record.js';
import type { Fault, FollowOptions, Status } from './options.js';
import { none, socketClass } from './sockets.js';
import { Standing } from './standing.js';
import { Turns } from './turns.js';
import type { Limits, Offset } from './types.js';
import { Wire } from './wire.js';

/** How long the store is filled without a break: a quarter of a frame. */
const SLICE_MS = 4;
/** The work between two looks at the clock: well below a millisecond's worth. A batch may be more. */
const PART_BYTES = 16 << 10;
/** Results of the core's `work`. */
const MORE = 1;
const CLOSED = 2;
/** The pause before another look whether the socket has sent some. */
const SEND_AGAIN_MS = 10;
/** The only link. */
const LINK = 0;
/** The limits of a replica that feeds nobody and keeps nothing through a power cut. */
const LIMITS: Limits = {
  linksMax: 1, slotsMax: 1, shipsMax: 1, pieceWindowBytes: 4 << 20, persists: false,
};

/** Follows an upstream until closed. Returns before it is connected: watch `status`, or await `caughtUp()`. */
export async function follow(options: FollowOptions): Promise<Follower> {
  options.signal?.throwIfAborted();
  const WebSocket = await socketClass(options.WebSocket);
  options.signal?.throwIfAborted();
  return new Follower({ ...options, WebSocket });
}

export class Follower implements AsyncDisposable {
  /** Called after the status changed. */
  onstatus: ((status: Status) => void) | null = null;
  /** Called after the store changed: once for everything that one message brought. */
  onchange: (() => void) | null = null;
  /** Called when the follower cannot go on; it is closed then. */
  onerror: ((error: TowlineError) => void) | null = null;

  readonly #options: FollowOptions;
  readonly #raw: RawNode;
  readonly #at: Places;
  readonly #standing: Standing;
  readonly #wire: Wire;
  readonly #turns: Turns;
  readonly #abort = (): void => void this.close();
  #writing = false;
  /** True if the connection ended, false if it was never made; the core is notified once its bytes are read. */
  #lost: boolean | undefined;
  #status: Status = 'offline';
  #fault: Fault | undefined;
  #closed = false;
  #changes: number;
  /** Set by the core once everything has come that its upstream had at a beat of this very connection. */
  #caughtUp = false;
  #inSyncAt: number | undefined;
  #waiters: { done: () => void; failed: (error: TowlineError) => void }[] = [];

  /** See {@link follow}. */
  constructor(options: FollowOptions) {
    const { store, limits, adopt, signal } = options;
    this.#options = options;
    const wire = options.WebSocket ?? globalThis.WebSocket ?? none();
    store.take();
    const { cursor, node } = store;
    const zero = { unixZeroMs: Date.now() - performance.now(), ...(cursor === undefined ? {} : { cursor }) };
    try {
      this.#raw = hold(this, make({ role: 'replica', node, ...LIMITS, ...limits, ...zero }));
    } catch (error) {
      store.give();
      throw error;
    }
    this.#at = places(this.#raw);
    this.#standing = new Standing(this.#raw, this.#at);
    this.#turns = new Turns(() => this.#turn());
    this.#wire = new Wire(options.url, wire, {
      opened: () => this.#on(() => this.#handle(Input.opened, LINK, 1n)),
      came: (data) => this.#on(() => this.#came(data)),
      lost: (stood) => this.#on(() => (this.#lost = stood)),
    });
    this.#changes = store.changes;
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (adopt === true) {
      this.#handle(Input.follow, 0, 1n);
    }
    this.#turn();
  }

  /** The state of the link. */
  get status(): Status {
    return this.#status;
  }

  /** Records applied. */
  get offset(): Offset {
    return this.#standing.offset;
  }

  /** Records that the origin had at its newest beat and that are not applied here; unknown before the first beat. */
  get lagRecords(): bigint | undefined {
    return this.#standing.lagRecords;
  }

  /** For how long this replica has not held all it knew of: 0 when it does, unknown before it ever did. */
  get lagMs(): number | undefined {
    if (this.#inSyncAt === undefined) {
      return undefined;
    }
    return this.#inSync ? 0 : performance.now() - this.#inSyncAt;
  }

  /** The time since the root was last heard of; unknown before that. */
  get originAgeMs(): number | undefined {
    return this.#standing.originAgeMs;
  }

  /** Pieces received of a snapshot under way. */
  get pieces(): number | undefined {
    return this.#standing.pieces;
  }

  /** Bytes received since the start. */
  get bytesReceived(): number {
    return this.#standing.bytesReceived;
  }

  /** The reason why the last connection ended; nothing once another is up. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when everything is applied here that the upstream had at its newest beat: there are two a second. */
  caughtUp(): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiters.push({ done, failed });
      this.#wake();
    });
  }

  /** Says goodbye and stops. The store keeps its content, and a new follower goes on from there. */
  async close(): Promise<void> {
    if (this.#closed) {
      return;
    }
    if (held(this.#raw)) {
      this.#handle(Input.shutdown);
      this.#handleEvents();
      this.#send(performance.now());
    }
    this.#end(new TowlineError(Code.disposed, 'the follower was closed'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- a turn --------------------------------------------------------------------------------------------------------

  /** Fills the store for a slice, handles the core's events, sends what it offers, and sets the timer. */
  #turn(): void {
    if (this.#closed) {
      return;
    }
    try {
      const more = this.#work();
      if (!more && this.#lost !== undefined) {
        this.#handle(this.#lost ? Input.lost : Input.dialFailed, LINK);
        this.#unwired();
      }
      const deadline = this.#settle();
      if (!this.#closed) {
        if (more) {
          this.#turns.soon();
        }
        const again = this.#writing && this.#wire.open ? performance.now() + SEND_AGAIN_MS : Infinity;
        this.#turns.at(Math.min(deadline, again));
        this.#look();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Returns whether the slice ended before the work did. */
  #work(): boolean {
    const { raw } = this.#options.store;
    const begun = performance.now();
    for (let now = begun; now - begun < SLICE_MS; now = performance.now()) {
      const stands = call(Code.store, () => this.#raw.work(raw, now, LINK, PART_BYTES));
      if (stands === CLOSED) {
        // The rest of this link's bytes is not read; its goodbye may still have to leave.
        call(Code.misuse, () => this.#raw.forget());
      } else if (stands !== MORE) {
        return false;
      }
    }
    return true;
  }

  /** Handles events and ticks until nothing is due; returns the time of the next deadline. */
  #settle(): number {
    for (;;) {
      const now = performance.now();
      this.#handleEvents();
      this.#send(now);
      const deadline = call(Code.misuse, () => this.#raw.next_deadline());
      if (this.#closed || deadline > now) {
        return deadline;
      }
      this.#handle(Input.tick);
    }
  }

  #handleEvents(): void {
    for (let count = this.#poll(); count > 0; count = this.#poll()) {
      for (let index = 0; index < count; index += 1) {
        switch (kindOf(this.#at.events, index)) {
          case EventKind.dial:
            this.#wire.dial();
            this.#unwired();
            break;
          case EventKind.joined:
            this.#fault = undefined;
            break;
          case EventKind.caughtUp:
            this.#caughtUp = true;
            break;
          case EventKind.close:
            this.#linkClosed(index);
            break;
          case EventKind.wantsWrite:
            this.#writing = true;
            break;
        }
      }
    }
  }

  #poll(): number {
    return call(Code.misuse, () => this.#raw.poll());
  }

  /** Sends what is on offer, as long as the socket does not pile it up. */
  #send(now: number): void {
    while (this.#writing && this.#wire.takes) {
      const offered = call(Code.misuse, () => this.#raw.peek(LINK));
      for (let slice = 0; offered > 0 && slice < 3; slice += 1) {
        const view = sliceAt(this.#at, slice);
        if (view.length > 0) {
          this.#wire.send(view);
        }
      }
      this.#writing = call(Code.misuse, () => this.#raw.consume(now, LINK, offered)) === 1;
    }
  }

  /** Compares the state with the last one, and calls the callbacks of what changed. */
  #look(): void {
    const status = this.#standing.joined ?? (this.#wire.dialled ? 'dialing' : 'offline');
    const before = this.#status;
    this.#status = status;
    if (this.#inSync) {
      this.#inSyncAt = performance.now() - (this.originAgeMs ?? 0);
      this.#wake();
    }
    if (status !== before) {
      queueMicrotask(() => this.onstatus?.(status));
    }
    const changes = this.#options.store.changes;
    if (changes !== this.#changes) {
      this.#changes = changes;
      queueMicrotask(() => this.onchange?.());
    }
  }

  /** True once all is applied. The end that an earlier connection reported does not count: a new beat comes first. */
  get #inSync(): boolean {
    return this.#status === 'streaming' && this.#caughtUp && this.lagRecords === 0n;
  }

  #wake(): void {
    if (this.#closed || this.#inSync) {
      const gone = this.#closed ? new TowlineError(Code.disposed, 'the follower was closed') : undefined;
      for (const waiter of this.#waiters.splice(0)) {
        gone === undefined ? waiter.done() : waiter.failed(gone);
      }
    }
  }

  // --- the wire ------------------------------------------------------------------------------------------------------

  /** Handles an event of the connection, then runs a turn, unless one comes anyway. */
  #on(work: () => void): void {
    if (this.#closed) {
      return;
    }
    try {
      work();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!this.#turns.isSoon) {
      this.#turn();
    }
  }

  #came(data: ArrayBuffer): void {
    call(Code.store, () => {
      const room = this.#raw.room(data.byteLength);
      memory().bytes.set(new Uint8Array(data), room);
      this.#raw.came(data.byteLength);
    });
  }

  /** Notes that the core ended the link: its last bytes have left. */
  #linkClosed(index: number): void {
    const { fault, text, byPeer } = closing(this.#at.events, index);
    this.#fault = { code: fault, text, byPeer };
    this.#wire.drop();
    this.#unwired();
  }

  /** Drops the state of the last connection: its bytes are not read, and nothing can be written. */
  #unwired(): void {
    [this.#writing, this.#lost, this.#caughtUp] = [false, undefined, false];
    call(Code.misuse, () => this.#raw.forget());
  }

  // --- the core ------------------------------------------------------------------------------------------------------

  /** Handles an input. A misuse is ignored where the state may have changed in the meantime. */
  #handle(kind: number, link = 0, a = 0n): void {
    call(Code.misuse, () => {
      this.#raw.room(0);
      write(this.#at.input, kind, link, a);
      this.#raw.handle(performance.now(), 0);
    });
  }

  #fail(error: unknown): void {
    const known = error instanceof TowlineError;
    this.#end(known ? error : new TowlineError(Code.store, String(error), 0, { cause: error }));
    if (known) {
      queueMicrotask(() => this.onerror?.(error));
    } else {
      throw error;
    }
  }

  #end(error: TowlineError): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#turns.stop();
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#wire.drop();
    for (const waiter of this.#waiters.splice(0)) {
      waiter.failed(error);
    }
    this.#status = 'offline';
    queueMicrotask(() => this.onstatus?.('offline'));
    release(this, this.#raw);
    this.#options.store.give();
  }
}
