// The simulator: a scenario and a seed become a plan, a plan a run, a run one hash. It is a module of its own, so that
// a follower does not load it.

import * as glue from './sim_bg.js';
import { Code, TowlineError } from './error.js';
import { compile, type Source } from './source.js';

let started = false;

/** Starts the simulator's module. A second call is a no-op. */
export async function init(source: Source): Promise<void> {
  const module = await compile(source);
  if (!started) {
    const imports = { './sim_bg.js': glue as unknown as WebAssembly.ModuleImports };
    const { exports } = new WebAssembly.Instance(module, imports);
    glue.__wbg_set_wasm(exports);
    (exports['__wbindgen_start'] as (() => void) | undefined)?.();
    started = true;
  }
}

/** Returns the plan of a built-in scenario and a seed, every draw made: as `towline sim resolve` writes it. */
export function resolve(scenario: string, seed: bigint): string {
  return ask(() => glue.resolve(scenario, seed));
}

/** Plays a plan and returns the hash over every fact of the run: 32 hex digits, the same on every platform. */
export function traceHash(plan: string): string {
  return ask(() => glue.trace_hash(plan));
}

function ask(question: () => string): string {
  if (!started) {
    throw new TowlineError(Code.notStarted, 'await init() first');
  }
  try {
    return question();
  } catch (error) {
    throw typeof error === 'string' ? new TowlineError(Code.config, error) : error;
  }
}
