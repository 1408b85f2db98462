/** What reconcilers are yet to look at: each when it is due, their work in turn, some at once. */
import type { Log } from "../../lib/log.ts";
import { othersFirst } from "../objects/others-first.ts";
import type { ReconcileContext, Reconciler } from "./reconciler.ts";

interface Work {
  readonly reconciler: Reconciler;
  readonly what: string;
  readonly dueMs: number;
  readonly failures: number;
  /** Fires when it is due. */
  readonly timer: ReturnType<typeof setTimeout>;
}

const firstRetryMs = 100;
const longestRetryMs = 30_000;
/** At once; the rest waits. */
const most = 8;

export class WorkQueue {
  readonly #context: ReconcileContext;
  readonly #log: Log;
  readonly #waiting = new Map<string, Work>();
  /** Ids of what is due, the longest waiting first; whose turn is next comes first. */
  readonly #due = new Map<Reconciler, Set<string>>();
  readonly #running = new Map<string, Promise<void>>();
  #isOver = false;

  constructor(context: ReconcileContext, log: Log) {
    this.#context = context;
    this.#log = log;
  }

  /** What waits already is looked at at the earlier of both times, once. */
  add(reconciler: Reconciler, what: string, delayMs = reconciler.pauseMs, failures = 0): void {
    if (this.#isOver) return;
    const id = `${reconciler.name} ${what}`;
    const dueMs = performance.now() + delayMs;
    const waiting = this.#waiting.get(id);
    if (waiting && waiting.dueMs <= dueMs) return;
    clearTimeout(waiting?.timer);
    const timer = setTimeout(() => this.#ripen(id, reconciler), delayMs);
    this.#waiting.set(id, { reconciler, what, dueMs, failures, timer });
  }

  /** Works until `signal` fires, and ends when what runs is done. */
  async run(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    if (!signal.aborted) await aborted.promise;
    this.#isOver = true;
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    await Promise.all(this.#running.values());
  }

  #ripen(id: string, reconciler: Reconciler): void {
    const due = this.#due.get(reconciler) ?? new Set();
    this.#due.set(reconciler, due.add(id));
    this.#next();
  }

  #next(): void {
    while (!this.#isOver && this.#running.size < most) {
      const id = this.#pick();
      if (id === undefined) return;
      this.#begin(id, this.#waiting.get(id)!);
    }
  }

  /** Of the reconciler whose turn it is, the first that is not under way already. */
  #pick(): string | undefined {
    for (const [reconciler, due] of this.#due) {
      for (const id of due) {
        if (this.#running.has(id)) continue;
        due.delete(id);
        this.#due.delete(reconciler);
        if (due.size > 0) this.#due.set(reconciler, due);
        return id;
      }
    }
    return undefined;
  }

  #begin(id: string, work: Work): void {
    this.#waiting.delete(id);
    const done = this.#attempt(work).finally(() => {
      this.#running.delete(id);
      this.#next();
    });
    this.#running.set(id, done);
  }

  async #attempt({ reconciler, what, failures }: Work): Promise<void> {
    try {
      await othersFirst();
      const again = await reconciler.run(this.#context, what);
      if (again !== undefined) this.add(reconciler, what, again);
    } catch (error) {
      const { message } = error as Error;
      const { name } = reconciler;
      this.#log({ level: "warn", event: "reconcile", reconciler: name, what, error: message });
      const delayMs = Math.min(firstRetryMs * 2 ** failures, longestRetryMs);
      this.add(reconciler, what, delayMs, failures + 1);
    }
  }
}
