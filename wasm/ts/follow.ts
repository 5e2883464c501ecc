// A replica over a WebSocket: it dials when the core asks, feeds the core what comes, sends what the core offers, and
// sleeps until the core's next deadline. When and how often it redials, and when silence is too long, the core says.
//
// What comes is put into the core's room at once, and goes from there into the store in slices of SLICE_MS: between two
// the browser has its turn, draws, and answers its user. What waits is not acknowledged, so no more than a window does.

import type { RawNode } from './towline_bg.js';
import { Code, TowlineError } from './error.js';
import { make, sliceAt } from './node-core.js';
import { call, held, hold, memory, release } from './module.js';
import { closing, Input, kindOf, type Places, places, Told, write } from './record.js';
import type { Fault, FollowOptions, Status } from './options.js';
import { none, socketClass } from './sockets.js';
import { Standing } from './standing.js';
import { Turns } from './turns.js';
import type { Limits, Offset } from './types.js';
import { Wire } from './wire.js';

/** For how long the store is filled without a break: a quarter of a frame. */
const SLICE_MS = 4;
/** What is done between two looks at the clock: well below a millisecond's worth. A batch may be more. */
const PART_BYTES = 16 << 10;
/** Answers of the core's `work`. */
const MORE = 1;
const CLOSED = 2;
/** How soon to look again whether the socket has sent some. */
const SEND_AGAIN_MS = 10;
/** The only link. */
const LINK = 0;
/** Of a replica that feeds nobody and keeps nothing through a power cut. */
const LIMITS: Limits = {
  linksMax: 1, slotsMax: 1, shipsMax: 1, pieceWindowBytes: 4 << 20, persists: false,
};

/** Follows an upstream until closed. Answers before anything is there: watch `status`, or await `caughtUp()`. */
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
  /** Called when it can go on no more; it is closed then. */
  onerror: ((error: TowlineError) => void) | null = null;

  readonly #options: FollowOptions;
  readonly #raw: RawNode;
  readonly #at: Places;
  readonly #standing: Standing;
  readonly #wire: Wire;
  readonly #turns: Turns;
  readonly #abort = (): void => void this.close();
  #writing = false;
  /** The connection ended (or, if false, never stood), and the core is told once what it brought is read. */
  #lost: boolean | undefined;
  #status: Status = 'offline';
  #fault: Fault | undefined;
  #closed = false;
  #changes: number;
  /** The core said that all its upstream had at a beat of this very connection has come. */
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
      opened: () => this.#on(() => this.#say(Input.opened, LINK, 1n)),
      came: (data) => this.#on(() => this.#came(data)),
      lost: (stood) => this.#on(() => (this.#lost = stood)),
    });
    this.#changes = store.changes;
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (adopt === true) {
      this.#say(Input.follow, 0, 1n);
    }
    this.#turn();
  }

  /** How the link stands. */
  get status(): Status {
    return this.#status;
  }

  /** Records applied. */
  get offset(): Offset {
    return this.#standing.offset;
  }

  /** Records that the origin had at its newest beat and that are not applied here; unknown before the first. */
  get lagRecords(): bigint | undefined {
    return this.#standing.lagRecords;
  }

  /** For how long this replica has not held all it had heard of: 0 when it does, unknown before it ever did. */
  get lagMs(): number | undefined {
    if (this.#inSyncAt === undefined) {
      return undefined;
    }
    return this.#inSync ? 0 : performance.now() - this.#inSyncAt;
  }

  /** How long ago the root was last heard of; unknown before that. */
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

  /** Why the last connection ended; nothing once another stands. */
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

  /** Says goodbye and stops. What the store holds stays, and a new follower goes on from there. */
  async close(): Promise<void> {
    if (this.#closed) {
      return;
    }
    if (held(this.#raw)) {
      this.#say(Input.shutdown);
      this.#tell();
      this.#send(performance.now());
    }
    this.#end(new TowlineError(Code.disposed, 'the follower was closed'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- a turn --------------------------------------------------------------------------------------------------------

  /** Fills the store for a slice, says everything the core has to say, sends what it offers, and sets the alarm. */
  #turn(): void {
    if (this.#closed) {
      return;
    }
    try {
      const more = this.#work();
      if (!more && this.#lost !== undefined) {
        this.#say(this.#lost ? Input.lost : Input.dialFailed, LINK);
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

  /** Answers whether the slice ended before the work did. */
  #work(): boolean {
    const { raw } = this.#options.store;
    const begun = performance.now();
    for (let now = begun; now - begun < SLICE_MS; now = performance.now()) {
      const stands = call(Code.store, () => this.#raw.work(raw, now, LINK, PART_BYTES));
      if (stands === CLOSED) {
        // What this link says now is not read; its goodbye may still have to leave.
        call(Code.misuse, () => this.#raw.forget());
      } else if (stands !== MORE) {
        return false;
      }
    }
    return true;
  }

  /** Until nothing is due; answers when something will be. */
  #settle(): number {
    for (;;) {
      const now = performance.now();
      this.#tell();
      this.#send(now);
      const deadline = call(Code.misuse, () => this.#raw.next_deadline());
      if (this.#closed || deadline > now) {
        return deadline;
      }
      this.#say(Input.tick);
    }
  }

  #tell(): void {
    for (let count = this.#poll(); count > 0; count = this.#poll()) {
      for (let index = 0; index < count; index += 1) {
        switch (kindOf(this.#at.events, index)) {
          case Told.dial:
            this.#wire.dial();
            this.#unwired();
            break;
          case Told.joined:
            this.#fault = undefined;
            break;
          case Told.caughtUp:
            this.#caughtUp = true;
            break;
          case Told.close:
            this.#told(index);
            break;
          case Told.wantsWrite:
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

  /** Looks at how things stand, and tells those who asked to be told. */
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

  /** What an earlier connection heard of the origin's end says nothing of this one: its own beat comes first. */
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

  /** Does what the wire brought, and a turn, unless one comes anyway. */
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

  /** The core ended the link: what it had to say has left. */
  #told(index: number): void {
    const { fault, text, byPeer } = closing(this.#at.events, index);
    this.#fault = { code: fault, text, byPeer };
    this.#wire.drop();
    this.#unwired();
  }

  /** What the last connection left is not read, and there is nobody to write to. */
  #unwired(): void {
    [this.#writing, this.#lost, this.#caughtUp] = [false, undefined, false];
    call(Code.misuse, () => this.#raw.forget());
  }

  // --- the core ------------------------------------------------------------------------------------------------------

  /** What the core refuses because the world moved on is refused here too. */
  #say(kind: number, link = 0, a = 0n): void {
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
