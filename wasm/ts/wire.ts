// The connection of a follower: one WebSocket at a time.
//
// States: none, connecting, open. Events of an earlier socket are ignored.

/** Bytes the socket may hold before it is offered no more. */
const SEND_BYTES = 256 << 10;
/** A bound above any connection time that is worth waiting for. */
const CONNECT_MS = 5000;

/** The receiver of the present socket's events. */
export interface Listener {
  opened(): void;
  came(data: ArrayBuffer): void;
  /** Called when it ended, or, with `stood` false, was never made. */
  lost(stood: boolean): void;
}

export class Wire {
  readonly #url: string | URL;
  readonly #socketClass: typeof WebSocket;
  readonly #listener: Listener;
  #socket: WebSocket | undefined;
  #open = false;
  #connecting: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string | URL, socketClass: typeof WebSocket, listener: Listener) {
    [this.#url, this.#socketClass, this.#listener] = [url, socketClass, listener];
  }

  /** True if there is a socket, open or not. */
  get dialled(): boolean {
    return this.#socket !== undefined;
  }

  get open(): boolean {
    return this.#open;
  }

  /** True if it takes more bytes without piling them up. */
  get takes(): boolean {
    return this.#open && this.#socket !== undefined && this.#socket.bufferedAmount < SEND_BYTES;
  }

  dial(): void {
    const socket = new this.#socketClass(this.#url);
    this.drop();
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const lost = (): void => this.#on(socket, () => this.#lost());
    socket.onopen = () => this.#on(socket, () => this.#opened());
    socket.onmessage = (message) => this.#on(socket, () => this.#listener.came(message.data as ArrayBuffer));
    socket.onclose = lost;
    // A close follows every error; without a listener some platforms report the error as uncaught.
    socket.onerror = () => undefined;
    this.#connecting = setTimeout(lost, CONNECT_MS);
  }

  /** Sends bytes; the socket copies them. */
  send(bytes: Uint8Array): void {
    this.#socket?.send(bytes as Uint8Array<ArrayBuffer>);
  }

  /** Closes the socket and ignores its later events. */
  drop(): void {
    clearTimeout(this.#connecting);
    const socket = this.#socket;
    [this.#socket, this.#open] = [undefined, false];
    socket?.close();
  }

  #on(socket: WebSocket, work: () => void): void {
    if (this.#socket === socket) {
      work();
    }
  }

  #opened(): void {
    clearTimeout(this.#connecting);
    this.#open = true;
    this.#listener.opened();
  }

  #lost(): void {
    const stood = this.#open;
    this.drop();
    this.#listener.lost(stood);
  }
}
