/** Notices that nothing is heard any more. */

export class Silence {
  readonly #ms: number;
  readonly #end = new AbortController();
  #heardAt = performance.now();
  #timer: ReturnType<typeof setTimeout>;

  constructor(ms: number) {
    this.#ms = ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  /** Fires when nothing was heard for so long. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Cheap: a watch may bring thousands of events a second. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    const left = this.#heardAt + this.#ms - performance.now();
    if (left <= 0) this.#end.abort();
    else this.#timer = setTimeout(() => this.#look(), left);
  }
}
