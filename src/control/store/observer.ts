/** Gathers what a watch brings, for tests. */
import type { EventBatch, Store } from "./store.ts";

/** Watches at once and keeps on until disposed of. */
export class Observer implements Disposable {
  /** Those with events, in order. */
  readonly batches: EventBatch[] = [];
  /** Settles with the watch. */
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #told: number | undefined;
  #done: { error?: unknown } | undefined;

  constructor(store: Pick<Store, "watch">, prefix: string, revision: number) {
    this.ended = this.#gather(store.watch(prefix, revision, this.#stop.signal));
    // Who asks gets the error from `until`.
    this.ended.catch(() => undefined);
  }

  /** What has come, once it has come up to this revision. Throws what ended the watch. */
  async until(revision: number): Promise<readonly EventBatch[]> {
    await this.#when(() => (this.batches.at(-1)?.revision ?? 0) >= revision);
    return this.batches;
  }

  /** The revision of the first batch with events. */
  async some(): Promise<number> {
    await this.#when(() => this.batches.length > 0);
    return this.batches[0]!.revision;
  }

  /** The revision up to which nothing is missing, once an empty batch told it. */
  async caughtUp(): Promise<number> {
    await this.#when(() => this.#told !== undefined);
    return this.#told!;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  async #gather(watch: AsyncIterable<EventBatch>): Promise<void> {
    try {
      for await (const batch of watch) {
        if (batch.events.length > 0) this.batches.push(batch);
        else this.#told = batch.revision;
        this.#wake();
      }
      this.#done = {};
    } catch (error) {
      this.#done = { error };
      throw error;
    } finally {
      this.#wake();
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #when(come: () => boolean): Promise<void> {
    while (!come()) {
      if (this.#done?.error) throw this.#done.error;
      if (this.#done) throw new Error("The watch ended");
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }
}
