// The time of a follower's next turn: as soon as the browser had its own, or at a given time.
//
// Invariant: many requests make one turn. A message to oneself comes after the browser's own work, and at once if there
// is none; a timer would wait 4 ms, and a whole second in a hidden tab.

/** The longest sleep of a timer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class Turns {
  readonly #channel = new MessageChannel();
  readonly #turn: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #soon = false;

  constructor(turn: () => void) {
    this.#turn = turn;
    this.#channel.port1.onmessage = () => {
      this.#soon = false;
      turn();
    };
  }

  /** True if a turn is already requested. */
  get isSoon(): boolean {
    return this.#soon;
  }

  soon(): void {
    if (!this.#soon) {
      this.#soon = true;
      this.#channel.port2.postMessage(0);
    }
  }

  /** Requests a turn at this time of `performance.now()`, instead of the time that was given before. */
  at(time: number): void {
    clearTimeout(this.#timer);
    const sleep = Math.max(0, Math.ceil(time - performance.now()));
    this.#timer = setTimeout(this.#turn, Math.min(sleep, TIMER_MS_MAX));
  }

  /** Stops all turns. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#channel.port1.onmessage = null;
    this.#channel.port1.close();
  }
}
