// The one instance of the WebAssembly module: how it is started, called, read, poisoned and replaced.
//
// States: not started, started, poisoned. A trap leaves memory in an undefined state, so it poisons: every later call
// is refused until `reset()`. Memory grows while a store does, which detaches every view of it: `memory()` returns a
// valid one.

import * as glue from './towline_bg.js';
import { Code, TowlineError } from './error.js';
import { compile, type Source } from './source.js';

/** An object that Rust gave out: its owner frees it. */
export interface Raw {
  free(): void;
}

interface Views {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly longs: BigUint64Array;
}

let compiled: WebAssembly.Module | undefined;
let linear: WebAssembly.Memory | undefined;
let views: Views | undefined;
let poisoned = false;
let warned = false;

/** Every object that Rust gave out and that is not freed, so that none outlives its instance. */
const live = new Set<Raw>();

/** Frees the objects of owners that nobody disposed of. */
const net = new FinalizationRegistry<Raw>((raw) => {
  if (!warned) {
    warned = true;
    console.warn('towline: something was not disposed of; call dispose(), or close() a follower');
  }
  free(raw);
});

/** Starts the module. A second call is a no-op. */
export async function init(source: Source): Promise<void> {
  if (compiled === undefined) {
    start(await compile(source));
  }
}

/** Starts the module at once, from bytes or a module. */
export function initSync(source: BufferSource | WebAssembly.Module): void {
  if (compiled === undefined) {
    start(source instanceof WebAssembly.Module ? source : new WebAssembly.Module(source));
  }
}

/** Makes a new instance. Everything made before is disposed of, followers and stores too. */
export function reset(): void {
  if (compiled === undefined) {
    throw new TowlineError(Code.notStarted, 'await init() first');
  }
  abandon();
  // From here on every view of the old memory is detached, those that the glue keeps too.
  linear?.grow(0);
  start(compiled);
}

function start(module: WebAssembly.Module): void {
  const imports = { './towline_bg.js': glue as unknown as WebAssembly.ModuleImports };
  const instance = new WebAssembly.Instance(module, imports);
  glue.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as (() => void) | undefined)?.();
  linear = instance.exports['memory'] as WebAssembly.Memory;
  [compiled, views, poisoned] = [module, undefined, false];
}

/** Unregisters every object, whose finalizer would otherwise free it in another instance. */
function abandon(): void {
  for (const raw of live) {
    (raw as unknown as { __destroy_into_raw(): number }).__destroy_into_raw();
  }
  live.clear();
}

/** Calls Rust. An exception becomes a `TowlineError` of this code. */
export function call<T>(code: number, work: () => T): T {
  if (poisoned || linear === undefined) {
    throw poisoned
      ? new TowlineError(Code.poisoned, 'the module trapped earlier: call reset()')
      : new TowlineError(Code.notStarted, 'await init() first');
  }
  try {
    return work();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) {
      poisoned = true;
      abandon();
      throw new TowlineError(Code.poisoned, `the module trapped${place()}: a bug of towline`, 0, { cause: error });
    }
    throw typeof error === 'string' ? new TowlineError(code, error) : error;
  }
}

/** Returns the place in Rust of the panic that trapped, if it was one. */
function place(): string {
  const at = glue.panic_address() >>> 2;
  const { bytes, words } = memory();
  const [file, length, line] = [words[at], words[at + 1], words[at + 2]] as [number, number, number];
  return length > 0 ? ` at ${new TextDecoder().decode(bytes.subarray(file, file + length))}:${line}` : '';
}

/** Returns the module's memory, as it is now. */
export function memory(): Views {
  const buffer = (linear as WebAssembly.Memory).buffer;
  if (views?.bytes.buffer !== buffer) {
    const [bytes, words, longs] = [new Uint8Array(buffer), new Uint32Array(buffer), new BigUint64Array(buffer)];
    views = { bytes, words, longs };
  }
  return views as Views;
}

/** Registers an object that Rust gave out for its owner. */
export function hold<T extends Raw>(owner: object, raw: T): T {
  live.add(raw);
  net.register(owner, raw, owner);
  return raw;
}

/** Unregisters and frees it. */
export function release(owner: object, raw: Raw): void {
  net.unregister(owner);
  free(raw);
}

function free(raw: Raw): void {
  if (live.delete(raw) && !poisoned) {
    raw.free();
  }
}

/** Returns whether the object still exists: not disposed of, not poisoned, not reset. */
export function held(raw: Raw): boolean {
  return live.has(raw);
}
