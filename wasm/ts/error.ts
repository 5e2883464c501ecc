/** The codes of a {@link TowlineError}. The numbers down to -7 and -10 are those of the C binding. */
export const Code = {
  /** Options that cannot work. */
  config: -3,
  /** A call that makes no sense now; nothing was changed. `detail` is the core's number. */
  misuse: -4,
  /** A node was called from within its own `transmit`. */
  reentered: -5,
  /** The module trapped earlier: a bug of ours. Call `reset()`. */
  poisoned: -6,
  /** The cursor cannot be read: damaged, cut short, or of another version. */
  cursor: -10,
  /** The store cannot take a received record: no upstream of this version sends it. */
  store: -50,
  /** `init()` has not been awaited. */
  notStarted: -51,
  /** It was disposed of. */
  disposed: -52,
} as const;

/** The only error this package throws. */
export class TowlineError extends Error {
  /** One of {@link Code}. */
  readonly code: number;
  /** The core's own number, where it has one; else 0. */
  readonly detail: number;

  constructor(code: number, message: string, detail = 0, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TowlineError';
    this.code = code;
    this.detail = detail;
  }
}
