/** Does a piece of work again and again: after a time that it tells itself, or when nudged. */

/** After work that failed, in ms. */
const failedMs = 1_000;

/** The longest rest after work that is to give others their turn. */
const longestRestMs = 100;

export class Ticker {
  readonly #work: () => Promise<number>;
  readonly #onFailure: (error: unknown) => void;
  readonly #isGentle: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #isNudged = false;
  #isStopped = true;
  #endedMs = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  /**
   * `work` gives how long to wait, in ms. What it throws is told, and ends nothing. `isGentle`: of
   * many nudges in a row one is heeded for all, since it rests about as long as the work took.
   */
  constructor(
    work: () => Promise<number>,
    onFailure: (error: unknown) => void,
    { isGentle = false } = {},
  ) {
    this.#work = work;
    this.#onFailure = onFailure;
    this.#isGentle = isGentle;
  }

  start(): void {
    this.#isStopped = false;
    this.nudge();
  }

  /** Once more, soon: what was asked for while it works is done after that. */
  nudge(): void {
    if (this.#isStopped) return;
    this.#isNudged = true;
    if (this.#running) return;
    clearTimeout(this.#timer);
    this.#running = this.#run();
  }

  /** Takes what is under way to its end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #rest(): Promise<void> {
    if (!this.#isGentle) return;
    const restMs = Math.min(this.#tookMs, longestRestMs) - (performance.now() - this.#endedMs);
    if (restMs < 1) return;
    await new Promise((resolve) => setTimeout(resolve, restMs));
    this.#isNudged = false;
  }

  async #run(): Promise<void> {
    let waitMs = 0;
    while (this.#isNudged && !this.#isStopped) {
      this.#isNudged = false;
      try {
        await this.#rest();
        if (this.#isStopped) break;
        const begunMs = performance.now();
        waitMs = await this.#work();
        this.#endedMs = performance.now();
        this.#tookMs = this.#endedMs - begunMs;
      } catch (error) {
        waitMs = failedMs;
        this.#onFailure(error);
      }
    }
    this.#running = undefined;
    if (!this.#isStopped) this.#timer = setTimeout(() => this.nudge(), waitMs);
  }
}
