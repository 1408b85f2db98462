/** The agent's work on one thing after the other, where who has to wait keeps nobody waiting. */
import { Patience } from "./patience.ts";
import type { KeyedQueue } from "./queue.ts";

/** `patience`: by which it is to wait. Gives false, or throws, where it waited in vain. */
type Work = (id: string, patience: Patience) => Promise<unknown>;

/**
 * Between tries of what waited in vain, at first and when woken: others have the turn meanwhile.
 * Each time it is twice as long, up to `mostMs`.
 */
const pauses = { firstMs: 1_000, mostMs: 30_000 } as const;

interface Rest {
  /** By `performance.now()`. */
  readonly since: number;
  readonly at: number;
  readonly pauseMs: number;
}

export class Aside {
  readonly #queue: KeyedQueue;
  readonly #onLateError: (error: unknown) => void;
  /** There may be something to begin: who was passed over is done, or a rest is over. */
  onNews: () => void = () => {};
  /** By key; whether a pass came meanwhile. */
  readonly #underway = new Map<string, { isPassedOver: boolean; isWoken: boolean }>();
  /** Who waited in vain is not begun before `at`, so that it costs little. */
  readonly #resting = new Map<string, Rest>();

  /** Told of what fails once nobody waits for it any more. */
  constructor(queue: KeyedQueue, onLateError: (error: unknown) => void) {
    this.#queue = queue;
    this.#onLateError = onLateError;
  }

  /** What was waited for may be there: who rests is begun soon. */
  wake(): void {
    for (const state of this.#underway.values()) state.isWoken = true;
    for (const [key, rest] of this.#resting) {
      this.#resting.set(key, { ...rest, at: Math.min(rest.at, rest.since + pauses.firstMs) });
    }
    if (this.#resting.size > 0) this.#later(pauses.firstMs);
  }

  isUnderway(name: string, id: string): boolean {
    return this.#underway.has(keyOf(name, id));
  }

  /**
   * Does this work, of that name, on each in its turn of the queue. Who has to wait goes on beside,
   * and is passed over until he is done. Gives whether nobody is left. Throws AggregateError of
   * what failed before.
   */
  async forEach(name: string, ids: Iterable<string>, work: Work): Promise<boolean> {
    const errors: unknown[] = [];
    const byKey = new Map([...ids].map((id) => [keyOf(name, id), id]));
    this.#forget(name, byKey);
    for (const [key, id] of byKey) {
      const before = this.#underway.get(key);
      if (before) before.isPassedOver = true;
      else if (performance.now() >= (this.#resting.get(key)?.at ?? 0)) {
        await this.#begin(key, { id, work, onError: (error) => errors.push(error) });
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join("; "));
    return ![...byKey.keys()].some((key) => this.#underway.has(key) || this.#resting.has(key));
  }

  /** Until it is done, or waits. */
  async #begin(
    key: string,
    { id, work, onError }: { id: string; work: Work; onError: (error: unknown) => void },
  ): Promise<void> {
    const state = { isPassedOver: false, isWoken: false };
    this.#underway.set(key, state);
    let isBeside = false;
    const waits = Promise.withResolvers<void>();
    if (this.#queue.isBusy(id)) waits.resolve();
    const done = this.#queue
      .run(id, () => this.#do(key, (patience) => work(id, patience), waits.resolve))
      .catch((error) => (isBeside ? this.#onLateError(error) : onError(error)))
      .finally(() => {
        this.#underway.delete(key);
        if (state.isPassedOver) this.onNews();
      });
    await Promise.race([done, waits.promise]);
    isBeside = this.#underway.has(key);
  }

  async #do(
    key: string,
    work: (patience: Patience) => Promise<unknown>,
    onWait: () => void,
  ): Promise<void> {
    let hasWaited = false;
    let isInVain = true;
    const patience = new Patience(Number.POSITIVE_INFINITY, () => {
      hasWaited = true;
      onWait();
    });
    try {
      isInVain = (await work(patience)) === false;
    } finally {
      if (hasWaited && isInVain) this.#rest(key);
      else this.#resting.delete(key);
    }
  }

  #rest(key: string): void {
    const before = this.#resting.get(key)?.pauseMs;
    const pauseMs = before === undefined ? pauses.firstMs : Math.min(2 * before, pauses.mostMs);
    const restMs = this.#underway.get(key)?.isWoken ? pauses.firstMs : pauseMs;
    const since = performance.now();
    this.#resting.set(key, { since, at: since + restMs, pauseMs });
    this.#later(restMs);
  }

  #later(ms: number): void {
    setTimeout(() => this.onNews(), ms).unref();
  }

  /** Work of that name that is no more to be done. */
  #forget(name: string, byKey: ReadonlyMap<string, string>): void {
    for (const key of this.#resting.keys()) {
      if (key.startsWith(keyOf(name, "")) && !byKey.has(key)) this.#resting.delete(key);
    }
  }
}

const keyOf = (name: string, id: string): string => `${name} ${id}`;
