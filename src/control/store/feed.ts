/** Gives many watches what one stream of changes brings, from memory while they keep up. */
import { CompactedError, type EventBatch } from "./store.ts";

/** What a feed asks of its store. */
export interface History {
  /**
   * Changes of all keys after `revision`, a batch a commit, in order; may end at any time. Throws
   * CompactedError where they are forgotten.
   */
  read(revision: number, signal: AbortSignal): AsyncIterable<EventBatch>;
  /** The store's last revision. */
  current(): Promise<number>;
}

export interface FeedLimits {
  /** Batches that are remembered, at most; who is further behind reads the history. */
  readonly batches: number;
  /** UTF-16 units of their keys and values, at most. */
  readonly size: number;
  /** Between empty batches of a watch to which nothing else comes. */
  readonly progressMs: number;
}

export const feedLimits: FeedLimits = { batches: 4096, size: 2 ** 24, progressMs: 5000 };

/** The last commits, in order, and who waits for the next. */
export class Feed {
  readonly #history: History;
  readonly #limits: FeedLimits;
  #recent: { batch: EventBatch; size: number }[] = [];
  #size = 0;
  /** All commits after this revision are in #recent. */
  #start: number;
  /** Nothing up to this revision is missing. */
  #head: number;
  readonly #waiting = new Set<() => void>();
  #forgotten = 0;
  #ended: { readonly error?: Error } | undefined;

  /** Begins after `revision`. */
  constructor(history: History, revision: number, limits: FeedLimits) {
    this.#history = history;
    this.#limits = limits;
    this.#start = revision;
    this.#head = revision;
  }

  get head(): number {
    return this.#head;
  }

  /** The next commit. */
  push(batch: EventBatch): void {
    const size = batch.events.reduce((sum, event) => sum + sizeOf(event), 0);
    this.#recent.push({ batch, size });
    this.#size += size;
    this.#head = batch.revision;
    this.#trim();
    this.#wake();
  }

  /** No watch begins before this revision any more; those that are under way go on. */
  forget(revision: number): void {
    this.#forgotten = Math.max(this.#forgotten, revision);
  }

  /** The store goes on at this revision, and nobody may have seen what was before. */
  skipTo(revision: number): void {
    this.#drop(this.#recent.length);
    this.#start = revision;
    this.#head = revision;
    this.forget(revision);
  }

  /** Ends all watches, with this error or in peace. */
  end(error?: Error): void {
    this.#ended ??= { error };
    this.#wake();
  }

  /** As Store.watch. */
  async *watch(prefix: string, revision: number, signal: AbortSignal): AsyncGenerator<EventBatch> {
    if (revision < this.#forgotten) {
      const message = `Cannot watch from ${revision}: changes up to ${this.#forgotten} are forgotten`;
      throw new CompactedError(`${message}. List again`);
    }
    if (revision > this.#head && revision > (await this.#history.current())) {
      throw new CompactedError(
        `Cannot watch from ${revision}: the store never came to it. List again`,
      );
    }
    let at = revision;
    /** The last revision that was given, and when; none before the watch first caught up. */
    let told: { revision: number; atMs: number } | undefined;
    while (!signal.aborted && !this.#over()) {
      for await (const batch of this.#after(at, signal)) {
        if (signal.aborted) return;
        at = batch.revision;
        const events = batch.events.filter(({ key }) => key.startsWith(prefix));
        if (events.length === 0) continue;
        yield { revision: at, events };
        if (told) told = { revision: at, atMs: performance.now() };
      }
      if (signal.aborted || this.#over()) return;
      if (!this.#isLast(at)) continue;
      at = Math.max(at, this.#head);
      const restMs = told ? told.atMs + this.#limits.progressMs - performance.now() : 0;
      if (restMs <= 0 && told?.revision !== at) {
        yield { revision: at, events: [] };
        told = { revision: at, atMs: performance.now() };
      } else {
        await this.#next(signal, told?.revision === at ? undefined : restMs);
      }
    }
  }

  /** What comes after `revision`, as far as it can be had now. */
  async *#after(revision: number, signal: AbortSignal): AsyncGenerator<EventBatch> {
    if (revision >= this.#start) {
      yield* this.#remembered(revision);
      return;
    }
    for await (const batch of this.#history.read(revision, signal)) {
      yield batch;
      if (batch.revision >= this.#start) return;
    }
  }

  *#remembered(revision: number): Generator<EventBatch> {
    // The list may lose its front while a watch is read: look anew each time.
    for (let at = revision; at >= this.#start; ) {
      const next = this.#recent[this.#indexAfter(at)];
      if (!next) return;
      at = next.batch.revision;
      yield next.batch;
    }
  }

  #isLast(revision: number): boolean {
    return revision >= this.#start && this.#indexAfter(revision) === this.#recent.length;
  }

  /** Where commits after `revision` begin in what is remembered. */
  #indexAfter(revision: number): number {
    let [low, high] = [0, this.#recent.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#recent[middle]!.batch.revision > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Whether the feed ended in peace; throws where it did not. */
  #over(): boolean {
    if (this.#ended?.error) throw this.#ended.error;
    return this.#ended !== undefined;
  }

  #trim(): void {
    const { batches, size } = this.#limits;
    if (this.#recent.length <= batches && this.#size <= size) return;
    // A quarter more than need be, so that it is seldom done.
    let count = 0;
    let left = this.#size;
    while (this.#recent.length - count > 0.75 * batches || left > 0.75 * size) {
      left -= this.#recent[count]!.size;
      count++;
    }
    this.#drop(count);
  }

  #drop(count: number): void {
    if (count === 0) return;
    const dropped = this.#recent.splice(0, count);
    for (const { size } of dropped) this.#size -= size;
    this.#start = Math.max(this.#start, dropped.at(-1)!.batch.revision);
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Until something comes, the signal fires, or so long has passed. */
  #next(signal: AbortSignal, limitMs: number | undefined): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = limitMs === undefined ? undefined : setTimeout(wake, limitMs);
      signal.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }
}

function sizeOf(event: EventBatch["events"][number]): number {
  return event.key.length + (event.value?.length ?? 0) + (event.previous?.length ?? 0);
}
