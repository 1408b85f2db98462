/** Work on one attachment goes one after the other, on different ones side by side. */

export class KeyedQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  isBusy(key: string): boolean {
    return this.#last.has(key);
  }

  /** Does the work once all earlier work of this key has ended, and throws what it throws. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before ? before.then(work, work) : work();
    this.#last.set(key, mine);
    const forget = () => {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    };
    mine.then(forget, forget);
    return mine;
  }

  /** Waits for the key's turn, which lasts until what this gives is called. */
  take(key: string): Promise<() => void> {
    const ended = Promise.withResolvers<void>();
    return new Promise((begin) => {
      void this.run(key, () => {
        begin(ended.resolve);
        return ended.promise;
      });
    });
  }

  /** When nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.allSettled([...this.#last.values()]);
  }
}
