/** How long a call may still wait, for all that it waits for together. */
export class Patience {
  /** As `performance.now()` tells. */
  readonly #end: number;
  readonly #onWait: () => void;

  /** `onWait` is told each time that somebody begins to wait by it. */
  constructor(withinMs: number, onWait: () => void = () => {}) {
    this.#end = performance.now() + withinMs;
    this.#onWait = onWait;
  }

  /** What is left of it, `mostMs` at most, for who waits from now on. */
  leftMs(mostMs = Number.POSITIVE_INFINITY): number {
    this.#onWait();
    return Math.max(0, Math.min(mostMs, this.#end - performance.now()));
  }
}

/** Waits for the work, but not longer than that: a timer left behind would keep the process. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  try {
    await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
