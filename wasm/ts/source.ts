// The sources of a module, and how each becomes one.

import { Code, TowlineError } from './error.js';

/** The source of a module. */
export type Source = URL | string | Response | Promise<Response> | BufferSource | WebAssembly.Module;

export async function compile(source: Source): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) {
    return source;
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    return WebAssembly.compile(source as BufferSource);
  }
  const response = await (typeof source === 'string' || source instanceof URL ? fetch(source) : source);
  if (!response.ok) {
    throw new TowlineError(Code.notStarted, `${response.url}: ${response.status} ${response.statusText}`);
  }
  // Servers that do not know the media type still get their module compiled.
  const typed = response.headers.get('content-type')?.startsWith('application/wasm') ?? false;
  return typed ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
