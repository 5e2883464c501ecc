// A replica over a WebSocket: it dials when the core asks, feeds the core what comes, sends what the core offers, and
// sleeps until the core's next deadline. When and how often it redials, and when silence is too long, the core says.
//
// States of the wire: none, connecting (the core waits for it), open. A socket that is not the present one is not
// listened to.

import type { RawNode } from './towline_bg.js';
import { Code, TowlineError } from './error.js';
import { make, sliceAt } from './node-core.js';
import { call, held, hold, memory, release } from './module.js';
import { closing, Input, kindOf, type Places, places, small, Told, word, write } from './record.js';
import type { MemoryStore } from './store.js';
import type { Limits, Offset } from './types.js';

/** Bytes the socket may hold before it is offered no more. */
const SEND_BYTES = 256 << 10;
/** How soon to look again whether it has sent some. */
const SEND_AGAIN_MS = 10;
/** Longer than any connection that is worth waiting for. */
const CONNECT_MS = 5000;
/** The longest sleep that a timer can. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** The only link. */
const LINK = 0;
/** Known bits of statistics. */
const JOINED = 1;
const ORIGIN = 2;
const SNAPSHOT = 4;
const STREAMING = 8;
/** Of a replica that feeds nobody and keeps nothing through a power cut. */
const LIMITS: Limits = {
  linksMax: 1, slotsMax: 1, shipsMax: 1, pieceWindowBytes: 4 << 20, persists: false,
};

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

/** Follows an upstream until closed. Answers at once: watch `status`, or await `caughtUp()`. */
export async function follow(options: FollowOptions): Promise<Follower> {
  options.signal?.throwIfAborted();
  return new Follower(options);
}

export class Follower implements AsyncDisposable {
  /** Called after the status changed. */
  onstatus: ((status: Status) => void) | null = null;
  /** Called after the store changed: once for everything that one message brought. */
  onchange: (() => void) | null = null;
  /** Called when it can go on no more; it is closed then. */
  onerror: ((error: TowlineError) => void) | null = null;

  readonly #options: FollowOptions;
  readonly #socketClass: typeof WebSocket;
  readonly #raw: RawNode;
  readonly #at: Places;
  readonly #abort = (): void => void this.close();
  #socket: WebSocket | undefined;
  #open = false;
  #writing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #connecting: ReturnType<typeof setTimeout> | undefined;
  #status: Status = 'offline';
  #fault: Fault | undefined;
  #closed = false;
  #changes: number;
  #inSyncAt: number | undefined;
  #waiters: { done: () => void; failed: (error: TowlineError) => void }[] = [];

  /** See {@link follow}. */
  constructor(options: FollowOptions) {
    const { store, limits, adopt, signal } = options;
    this.#options = options;
    this.#socketClass = options.WebSocket ?? globalThis.WebSocket;
    if (this.#socketClass === undefined) {
      throw new TowlineError(Code.config, 'this platform has no WebSocket: pass one as an option');
    }
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
    return this.#stat(4) as Offset;
  }

  /** Records that the origin had at its newest beat and that are not applied here; unknown before the first. */
  get lagRecords(): bigint | undefined {
    const [known, applied, end] = [this.#stat(0), this.#stat(4), this.#stat(6)];
    if ((Number(known) & ORIGIN) === 0) {
      return undefined;
    }
    return end > applied ? end - applied : 0n;
  }

  /** For how long this replica has not held all it had heard of: 0 when it does, unknown before it ever did. */
  get lagMs(): number | undefined {
    if (this.#inSyncAt === undefined) {
      return undefined;
    }
    return this.#status === 'streaming' && this.lagRecords === 0n ? 0 : performance.now() - this.#inSyncAt;
  }

  /** How long ago the root was last heard of; unknown before that. */
  get originAgeMs(): number | undefined {
    return (Number(this.#stat(0)) & ORIGIN) === 0 ? undefined : Number(this.#stat(7)) / 1e6;
  }

  /** Pieces received of a snapshot under way. */
  get pieces(): number | undefined {
    return (Number(this.#stat(0)) & SNAPSHOT) === 0 ? undefined : Number(this.#stat(8));
  }

  /** Bytes received since the start. */
  get bytesReceived(): number {
    return Number(this.#stat(9));
  }

  /** Why the last connection ended; nothing once another stands. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when everything the upstream had at some moment after this call is applied here. */
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

  /** Says everything the core has to say, sends what it offers, and sets the alarm. */
  #turn(): void {
    if (this.#closed) {
      return;
    }
    try {
      const more = call(Code.store, () => this.#raw.replay(this.#options.store.raw, performance.now()));
      const deadline = this.#settle();
      if (!this.#closed) {
        this.#arm(more ? 0 : deadline);
        this.#look();
      }
    } catch (error) {
      this.#fail(error);
    }
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
            this.#dial();
            break;
          case Told.joined:
            this.#fault = undefined;
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
    const socket = this.#socket;
    while (this.#writing && this.#open && socket !== undefined && socket.bufferedAmount < SEND_BYTES) {
      const offered = call(Code.misuse, () => this.#raw.peek(LINK));
      for (let slice = 0; offered > 0 && slice < 3; slice += 1) {
        const view = sliceAt(this.#at, slice);
        if (view.length > 0) {
          // The socket copies it.
          socket.send(view as Uint8Array<ArrayBuffer>);
        }
      }
      this.#writing = call(Code.misuse, () => this.#raw.consume(now, LINK, offered)) === 1;
    }
  }

  #arm(deadline: number): void {
    clearTimeout(this.#timer);
    const soon = this.#writing && this.#open ? SEND_AGAIN_MS : TIMER_MS_MAX;
    const sleep = Math.min(Math.max(0, Math.ceil(deadline - performance.now())), soon);
    this.#timer = setTimeout(() => this.#turn(), sleep);
  }

  /** Looks at how things stand, and tells those who asked to be told. */
  #look(): void {
    const known = Number(this.#stat(0));
    const status = this.#statusOf(known);
    if (status === 'streaming' && this.lagRecords === 0n) {
      this.#inSyncAt = performance.now() - (this.originAgeMs ?? 0);
      this.#wake();
    }
    if (status !== this.#status) {
      this.#status = status;
      queueMicrotask(() => this.onstatus?.(status));
    }
    const changes = this.#options.store.changes;
    if (changes !== this.#changes) {
      this.#changes = changes;
      queueMicrotask(() => this.onchange?.());
    }
  }

  #statusOf(known: number): Status {
    if ((known & JOINED) !== 0) {
      const joined = (known & STREAMING) !== 0 ? 'streaming' : 'waiting';
      return (known & SNAPSHOT) !== 0 ? 'snapshot' : joined;
    }
    return this.#socket === undefined ? 'offline' : 'dialing';
  }

  #wake(): void {
    if (this.#closed || (this.#status === 'streaming' && this.lagRecords === 0n)) {
      const gone = this.#closed ? new TowlineError(Code.disposed, 'the follower was closed') : undefined;
      for (const waiter of this.#waiters.splice(0)) {
        gone === undefined ? waiter.done() : waiter.failed(gone);
      }
    }
  }

  // --- the wire ------------------------------------------------------------------------------------------------------

  #dial(): void {
    const socket = new this.#socketClass(this.#options.url);
    this.#drop();
    [this.#socket, this.#open, this.#writing] = [socket, false, false];
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#on(socket, () => this.#opened());
    socket.onmessage = (message) => this.#on(socket, () => this.#came(message.data as ArrayBuffer));
    socket.onclose = () => this.#on(socket, () => this.#lost());
    // What follows an error is a close; without a listener some platforms take it for uncaught.
    socket.onerror = () => undefined;
    this.#connecting = setTimeout(() => this.#on(socket, () => this.#lost()), CONNECT_MS);
  }

  /** Does what a socket brought, if it is the present one. */
  #on(socket: WebSocket, work: () => void): void {
    if (this.#socket !== socket || this.#closed) {
      return;
    }
    try {
      work();
      this.#turn();
    } catch (error) {
      this.#fail(error);
    }
  }

  #opened(): void {
    clearTimeout(this.#connecting);
    this.#open = true;
    this.#say(Input.opened, LINK, 1n);
  }

  #came(data: ArrayBuffer): void {
    const { byteLength } = data;
    const closed = call(Code.store, () => {
      const room = this.#raw.room(byteLength);
      memory().bytes.set(new Uint8Array(data), room);
      return this.#raw.follow(this.#options.store.raw, performance.now(), LINK, byteLength);
    });
    if (closed === 1) {
      // What this link says now is not read; its goodbye may still have to leave.
      call(Code.misuse, () => this.#raw.forget());
    }
  }

  /** The connection ended, or never stood. */
  #lost(): void {
    const stood = this.#open;
    this.#drop();
    this.#say(stood ? Input.lost : Input.dialFailed, LINK);
  }

  /** The core ended the link: what it had to say has left. */
  #told(index: number): void {
    const { fault, text, byPeer } = closing(this.#at.events, index);
    this.#fault = { code: fault, text, byPeer };
    this.#drop();
  }

  /** Lets go of the socket. */
  #drop(): void {
    clearTimeout(this.#connecting);
    const socket = this.#socket;
    [this.#socket, this.#open, this.#writing] = [undefined, false, false];
    socket?.close();
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

  #stat(index: number): bigint {
    if (!held(this.#raw)) {
      return 0n;
    }
    call(Code.misuse, () => this.#raw.stats());
    return index === 0 ? BigInt(small(this.#at.stats, 0)) : word(this.#at.stats, index);
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
    clearTimeout(this.#timer);
    clearTimeout(this.#connecting);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#socket?.close();
    this.#socket = undefined;
    for (const waiter of this.#waiters.splice(0)) {
      waiter.failed(error);
    }
    this.#status = 'offline';
    queueMicrotask(() => this.onstatus?.('offline'));
    release(this, this.#raw);
    this.#options.store.give();
  }
}
