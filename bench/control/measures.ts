/** What is measured of a control plane, and how. */
import { performance } from "node:perf_hooks";
import { quantile } from "../statistics.ts";
import type { Watcher } from "./watcher.ts";

export interface Spent {
  readonly wallMs: number;
  /** Of the whole process, its collector's threads too. */
  readonly cpuMs: number;
  /** The longest time in which nothing else got a turn. */
  readonly stallMs: number;
}

/** Does the work, and tells what it took. */
export async function spend<T>(work: () => Promise<T>): Promise<[T, Spent]> {
  let [stallMs, turnAt] = [0, performance.now()];
  const turns = setInterval(() => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - turnAt);
    turnAt = now;
  }, 1);
  const [begun, used] = [performance.now(), process.cpuUsage()];
  try {
    const done = await work();
    const { user, system } = process.cpuUsage(used);
    const wallMs = performance.now() - begun;
    stallMs = Math.max(stallMs, performance.now() - turnAt);
    return [done, { wallMs, cpuMs: (user + system) / 1000, stallMs }];
  } finally {
    clearInterval(turns);
  }
}

export const memoryMiB = (): number => {
  Bun.gc(true);
  return process.memoryUsage().rss / 2 ** 20;
};

export interface Reach {
  /** Until the server's answer. */
  readonly answerMs: number[];
  /** Until the last watcher who must hear of it did. */
  readonly lastMs: number[];
  cpuMs: number;
  /** Watchers who saw something else than they should. */
  faults: string[];
}

export interface Writing {
  readonly count: number;
  /** Makes the i-th change; gives its resource version. */
  readonly write: (i: number) => Promise<string>;
  /** Who must hear of it. */
  readonly expected: (i: number) => readonly Watcher[];
  readonly all: readonly Watcher[];
}

/** One change after the other: how long until everybody knows, and whether nobody knows more. */
export async function reach({ count, write, expected, all }: Writing): Promise<Reach> {
  const result: Reach = { answerMs: [], lastMs: [], cpuMs: 0, faults: [] };
  for (let i = 0; i < count; i++) {
    const meant = new Set(expected(i));
    const [begun, used] = [performance.now(), process.cpuUsage()];
    const told = Promise.all([...meant].map((watcher) => watcher.some()));
    const version = await write(i);
    result.answerMs.push(performance.now() - begun);
    await told;
    // Those whom it does not concern had work with it, too.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const { user, system } = process.cpuUsage(used);
    result.cpuMs += (user + system) / 1000 / count;
    if (meant.size > 0) {
      result.lastMs.push(Math.max(...[...meant].map(({ lastAt }) => lastAt)) - begun);
    }
    for (const watcher of all) {
      const seen = watcher.take().map(({ object }) => object.metadata.resourceVersion);
      const wanted = meant.has(watcher) ? [version] : [];
      if (seen.join() === wanted.join()) continue;
      result.faults.push(`${watcher.path}: saw [${seen}], not [${wanted}]`);
    }
  }
  return result;
}

export const figures = (series: readonly number[]): string =>
  `p50 ${quantile(series, 0.5).toFixed(1)}, p99 ${quantile(series, 0.99).toFixed(1)}`;
