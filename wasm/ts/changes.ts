// The changes that a store keeps for a list of them: their bytes are those of wasm/src/recent.rs.

import type { Offset } from './types.js';

/** A change's kind; each is an effect of docs/records.md. */
export type ChangeKind = 'set' | 'append' | 'incrby' | 'pexpireat' | 'persist' | 'del' | 'flushall';

/** One received change. */
export interface Change {
  /** Counts a store's changes from 0 on: tells two changes of one record apart. */
  readonly number: number;
  /** The offset after its record. */
  readonly offset: Offset;
  readonly kind: ChangeKind;
  /** The key's beginning; empty for `flushall`. */
  readonly key: Uint8Array;
  readonly keyBytes: number;
  /** The beginning of what is set, appended or added, or the time in milliseconds; empty for all else. */
  readonly value: Uint8Array;
  readonly valueBytes: number;
}

const KINDS: readonly ChangeKind[] = ['set', 'append', 'incrby', 'pexpireat', 'persist', 'del', 'flushall'];
const HEAD_BYTES = 36;

export function changesIn(bytes: Uint8Array): Change[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const changes: Change[] = [];
  for (let at = 0; at < bytes.length; ) {
    const word = (index: number): number => view.getUint32(at + 16 + 4 * index, true);
    const key = at + HEAD_BYTES;
    const value = key + word(3);
    const end = value + word(4);
    changes.push({
      number: Number(view.getBigUint64(at, true)),
      offset: view.getBigUint64(at + 8, true) as Offset,
      kind: KINDS[word(2) - 1] as ChangeKind,
      key: bytes.subarray(key, value),
      keyBytes: word(0),
      value: bytes.subarray(value, end),
      valueBytes: word(1),
    });
    at = end;
  }
  return changes;
}
