/** One server at a time does what must be done once: the one whose lease in the store stands. */
import type { Log } from "../../lib/log.ts";
import type { Lease, Store } from "../store/store.ts";

export interface LeaderOptions {
  readonly store: Store;
  readonly log: Log;
  /** A leader that dies is followed by another within so long. */
  readonly ttlMs?: number;
}

/** Stands in the store while a server leads, and for its lease's time after it was killed. */
export const leaderKey = "/leader";
/** An attach may wait for a block, and so for the next leader: it is to take well under 10 s. */
const usualTtlMs = 3_000;

/** Does the work whenever this server leads, until `signal` fires. Never throws. */
export async function whileLeader(
  { store, log, ttlMs = usualTtlMs }: LeaderOptions,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const lease = await store.lease(ttlMs);
      try {
        const change = { key: leaderKey, value: crypto.randomUUID(), lease };
        const isLeader = await store.commit([{ key: leaderKey, revision: 0 }], [change]);
        if (isLeader !== undefined) {
          log({ level: "info", event: "leading" });
          await holding(lease, { ttlMs, signal, work });
        }
      } finally {
        await lease.revoke();
      }
    } catch (error) {
      log({ level: "warn", event: "leader", error: (error as Error).message });
    }
    await sleep(ttlMs / 4, signal);
  }
}

interface Holding {
  readonly ttlMs: number;
  readonly signal: AbortSignal;
  readonly work: (signal: AbortSignal) => Promise<void>;
}

/** Ends the work as soon as the lease may not stand any more. */
async function holding(lease: Lease, { ttlMs, signal, work }: Holding): Promise<void> {
  const lost = new AbortController();
  const ends = AbortSignal.any([signal, lost.signal]);
  const renewing = (async () => {
    while (!ends.aborted) {
      await sleep(ttlMs / 3, ends);
      if (ends.aborted) return;
      const late = setTimeout(() => lost.abort(), ttlMs / 3);
      try {
        await lease.renew();
      } catch {
        // Whatever the reason: another may lead by now.
        lost.abort();
      } finally {
        clearTimeout(late);
      }
    }
  })();
  try {
    await work(ends);
  } finally {
    lost.abort();
    await renewing;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
