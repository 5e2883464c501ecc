// The state of a replica's node: the core's statistics, asked for at each read. An unknown value is `undefined`.

import type { RawNode } from './towline_bg.js';
import { Code } from './error.js';
import { call, held } from './module.js';
import { type Places, small, word } from './record.js';
import type { Offset } from './types.js';

/** Bits that say which words are set, and the words: see wasm/src/node.rs. */
const JOINED = 1;
const ORIGIN = 2;
const SNAPSHOT = 4;
const STREAMING = 8;
const APPLIED = 4;
const ORIGIN_END = 6;
const ORIGIN_AGE = 7;
const PIECES = 8;
const RECEIVED = 9;

export class Standing {
  readonly #raw: RawNode;
  readonly #at: Places;

  constructor(raw: RawNode, at: Places) {
    [this.#raw, this.#at] = [raw, at];
  }

  /** The state of the link; nothing if there is no upstream. */
  get joined(): 'waiting' | 'snapshot' | 'streaming' | undefined {
    const known = this.#known();
    if ((known & JOINED) === 0) {
      return undefined;
    }
    const streaming = (known & STREAMING) !== 0 ? 'streaming' : 'waiting';
    return (known & SNAPSHOT) !== 0 ? 'snapshot' : streaming;
  }

  get offset(): Offset {
    return this.#word(APPLIED) as Offset;
  }

  get lagRecords(): bigint | undefined {
    const [known, applied, end] = [this.#known(), this.#word(APPLIED), this.#word(ORIGIN_END)];
    if ((known & ORIGIN) === 0) {
      return undefined;
    }
    return end > applied ? end - applied : 0n;
  }

  get originAgeMs(): number | undefined {
    return (this.#known() & ORIGIN) === 0 ? undefined : Number(this.#word(ORIGIN_AGE)) / 1e6;
  }

  get pieces(): number | undefined {
    return (this.#known() & SNAPSHOT) === 0 ? undefined : Number(this.#word(PIECES));
  }

  get bytesReceived(): number {
    return Number(this.#word(RECEIVED));
  }

  #known(): number {
    return this.#asked() ? small(this.#at.stats, 0) : 0;
  }

  #word(index: number): bigint {
    return this.#asked() ? word(this.#at.stats, index) : 0n;
  }

  /** Asks for new statistics; false for a node that was freed. */
  #asked(): boolean {
    const there = held(this.#raw);
    if (there) {
      call(Code.misuse, () => this.#raw.stats(performance.now()));
    }
    return there;
  }
}
