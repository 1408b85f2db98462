/** How long a call may still wait, for all that it waits for together. */
export class Patience {
  /** As `performance.now()` tells. */
  readonly #end: number;

  constructor(withinMs: number) {
    this.#end = performance.now() + withinMs;
  }

  /** What is left of it, `mostMs` at most. */
  leftMs(mostMs = Number.POSITIVE_INFINITY): number {
    return Math.max(0, Math.min(mostMs, this.#end - performance.now()));
  }
}
