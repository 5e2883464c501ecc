// A replica's store in memory. Rust fills it and reads it; this class is its API.

import { RawStore } from './towline_bg.js';
import { type Change, changesIn } from './changes.js';
import { Code, TowlineError } from './error.js';
import { call, held, hold, release } from './module.js';

/** One entry of a list. */
export interface Row {
  readonly key: Uint8Array;
  /** The value's beginning. */
  readonly value: Uint8Array;
  /** The length of the whole value. */
  readonly valueBytes: number;
  readonly expiryMs: number | undefined;
}

const encoder = new TextEncoder();

/** A key-value store in memory: filled by {@link follow}, read by anyone. It outlives its followers. */
export class MemoryStore implements Disposable {
  /** The store in Rust, for {@link follow} alone. */
  readonly raw: RawStore;
  /** The name under which the upstream remembers this replica. */
  readonly node: bigint;
  #followed = false;

  constructor(options: { readonly spoolBytes?: number } = {}) {
    this.raw = hold(this, call(Code.config, () => new RawStore(options.spoolBytes)));
    // Never 0, which is no name.
    this.node = (crypto.getRandomValues(new BigUint64Array(1))[0] as bigint) | 1n;
  }

  /** Returns a key's value; nothing if it does not exist. */
  get(key: string | Uint8Array): Uint8Array | undefined {
    const bytes = typeof key === 'string' ? encoder.encode(key) : key;
    return this.#ask((raw) => raw.get(bytes));
  }

  /** The number of keys. */
  get size(): number {
    return this.#ask((raw) => raw.len());
  }

  /** The content digest, 32 hex digits: equal on nodes that hold the same. */
  get digest(): string {
    return this.#ask((raw) => raw.digest());
  }

  /** A number that grows with every change. */
  get changes(): number {
    return this.#ask((raw) => raw.changes());
  }

  /** The cursor that a node boots with to go on from here; nothing before the first snapshot. */
  get cursor(): Uint8Array | undefined {
    return this.#ask((raw) => raw.cursor());
  }

  /** Bytes of stream that wait for a snapshot's end. */
  get spoolBytes(): number {
    return this.#ask((raw) => raw.spool_bytes());
  }

  /** Returns a key's expiry, in milliseconds since 1970. */
  expiryMs(key: string | Uint8Array): number | undefined {
    const bytes = typeof key === 'string' ? encoder.encode(key) : key;
    return this.#ask((raw) => raw.expiry_ms(bytes));
  }

  /** Returns `count` entries in key order from about the `from`th, for a list: a million of them cost no more. */
  rows(from: number, count: number, valueMax = 64): Row[] {
    const bytes = this.#ask((raw) => raw.rows(from, count, valueMax));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const rows: Row[] = [];
    for (let at = 0; at < bytes.length; ) {
      const [keyBytes, valueBytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      const expiry = Number(view.getBigUint64(at + 8, true));
      const value = at + 16 + keyBytes;
      const end = value + Math.min(valueBytes, valueMax);
      rows.push({
        key: bytes.subarray(at + 16, value),
        value: bytes.subarray(value, end),
        valueBytes,
        expiryMs: expiry === 0 ? undefined : expiry,
      });
      at = end;
    }
    return rows;
  }

  /** Keeps the newest `count` changes from now on, for {@link recent}. Before that none is kept. */
  keepRecent(count: number): void {
    this.#ask((raw) => raw.keep_recent(count));
  }

  /** Returns the newest changes, the newest first. A snapshot adds none: it replaces everything. */
  recent(): Change[] {
    return changesIn(this.#ask((raw) => raw.recent()));
  }

  /** Marks the store as used by a follower. For {@link follow} alone. */
  take(): void {
    if (this.#followed) {
      throw new TowlineError(Code.misuse, 'another follower fills this store: close it first');
    }
    this.#ask((raw) => raw.restart());
    this.#followed = true;
  }

  /** Marks the store as free. For {@link follow} alone. */
  give(): void {
    this.#followed = false;
  }

  dispose(): void {
    if (this.#followed) {
      throw new TowlineError(Code.misuse, 'a follower fills this store: close it first');
    }
    release(this, this.raw);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #ask<T>(question: (raw: RawStore) => T): T {
    return call(Code.misuse, () => {
      if (!held(this.raw)) {
        throw new TowlineError(Code.disposed, 'this store was disposed of');
      }
      return question(this.raw);
    });
  }
}
