// When a follower does something: as soon as the browser had its turn, or at a time.
//
// Invariant: of many that are asked for, one comes. A message to oneself comes behind what the browser has to do, and
// at once if that is nothing; a timer would wait 4 ms, and a whole second in a tab that is not seen.

/** The longest sleep that a timer can. */
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

  /** Whether one comes without anybody's doing. */
  get isSoon(): boolean {
    return this.#soon;
  }

  soon(): void {
    if (!this.#soon) {
      this.#soon = true;
      this.#channel.port2.postMessage(0);
    }
  }

  /** At this time, as `performance.now()` tells it, and not at the time that was said before. */
  at(time: number): void {
    clearTimeout(this.#timer);
    const sleep = Math.max(0, Math.ceil(time - performance.now()));
    this.#timer = setTimeout(this.#turn, Math.min(sleep, TIMER_MS_MAX));
  }

  /** None comes any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#channel.port1.onmessage = null;
    this.#channel.port1.close();
  }
}
