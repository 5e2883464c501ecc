/** The part of `ws` that is used: a WebSocket of the standard's shape, and one option. */
declare module 'ws' {
  export const WebSocket: new (
    address: string | URL, options: { readonly perMessageDeflate: boolean },
  ) => globalThis.WebSocket;
}
