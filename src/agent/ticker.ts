/** Does a piece of work again and again: after a time that it tells itself, or when nudged. */

/** After work that failed, in ms. */
const failedMs = 1_000;

export class Ticker {
  readonly #work: () => Promise<number>;
  readonly #onFailure: (error: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #isNudged = false;
  #isStopped = true;

  /** `work` gives how long to wait, in ms. What it throws is told, and ends nothing. */
  constructor(work: () => Promise<number>, onFailure: (error: unknown) => void) {
    this.#work = work;
    this.#onFailure = onFailure;
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

  async #run(): Promise<void> {
    let waitMs = 0;
    while (this.#isNudged && !this.#isStopped) {
      this.#isNudged = false;
      try {
        waitMs = await this.#work();
      } catch (error) {
        waitMs = failedMs;
        this.#onFailure(error);
      }
    }
    this.#running = undefined;
    if (!this.#isStopped) this.#timer = setTimeout(() => this.nudge(), waitMs);
  }
}
