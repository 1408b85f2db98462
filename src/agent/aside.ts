/** The agent's work on one thing after the other, where who has to wait keeps nobody waiting. */
import { Patience } from "./patience.ts";
import type { KeyedQueue } from "./queue.ts";

/** `patience`: by which the work is to wait. */
type Work = (id: string, patience: Patience) => Promise<unknown>;

/** Between tries of what waited, at first; each time twice as long, up to `mostMs`. */
const pauses = { firstMs: 1_000, mostMs: 30_000 } as const;

export class Aside {
  readonly #queue: KeyedQueue;
  readonly #onLateError: (error: unknown) => void;
  readonly #underway = new Set<string>();
  /** Who waited the last time is not begun before `at`, so that in vain it costs little. */
  readonly #resting = new Map<string, { readonly at: number; readonly pauseMs: number }>();

  /** Told of what fails once nobody waits for it any more. */
  constructor(queue: KeyedQueue, onLateError: (error: unknown) => void) {
    this.#queue = queue;
    this.#onLateError = onLateError;
  }

  /** What was waited for may be there: who rests is begun with the next pass. */
  wake(): void {
    this.#resting.clear();
  }

  /**
   * Does this work, of that name, on each in its turn of the queue. Who has to wait goes on beside,
   * and is passed over until he is done. Gives whether nobody is left. Throws AggregateError of
   * what failed before.
   */
  async forEach(name: string, ids: Iterable<string>, work: Work): Promise<boolean> {
    const errors: unknown[] = [];
    const keys = new Set([...ids].map((id) => `${name} ${id}`));
    this.#forget(name, keys);
    for (const key of keys) {
      const id = key.slice(name.length + 1);
      if (!this.#mayBegin(key)) continue;
      this.#underway.add(key);
      let isBeside = false;
      const waits = Promise.withResolvers<void>();
      if (this.#queue.isBusy(id)) waits.resolve();
      const done = this.#queue
        .run(id, () => this.#do(key, (patience) => work(id, patience), waits.resolve))
        .catch((error) => {
          if (isBeside) this.#onLateError(error);
          else errors.push(error);
        })
        .finally(() => this.#underway.delete(key));
      await Promise.race([done, waits.promise]);
      isBeside = this.#underway.has(key);
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join("; "));
    return ![...keys].some((key) => this.#underway.has(key) || this.#resting.has(key));
  }

  /** Work of that name that is no more to be done. */
  #forget(name: string, keys: ReadonlySet<string>): void {
    for (const key of this.#resting.keys()) {
      if (key.startsWith(`${name} `) && !keys.has(key)) this.#resting.delete(key);
    }
  }

  #mayBegin(key: string): boolean {
    return !this.#underway.has(key) && performance.now() >= (this.#resting.get(key)?.at ?? 0);
  }

  async #do(
    key: string,
    work: (patience: Patience) => Promise<unknown>,
    onWait: () => void,
  ): Promise<void> {
    let hasWaited = false;
    const patience = new Patience(Number.POSITIVE_INFINITY, () => {
      hasWaited = true;
      onWait();
    });
    try {
      await work(patience);
    } finally {
      const pauseMs = (this.#resting.get(key)?.pauseMs ?? pauses.firstMs / 2) * 2;
      const rest = { at: performance.now() + pauseMs, pauseMs: Math.min(pauseMs, pauses.mostMs) };
      if (hasWaited) this.#resting.set(key, rest);
      else this.#resting.delete(key);
    }
  }
}
