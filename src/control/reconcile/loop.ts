/** Runs reconcilers: each looks at what changed, soon after it did, and again where it failed. */
import { kinds } from "../../api/kinds/index.ts";
import type { Log } from "../../lib/log.ts";
import type { Feed } from "../objects/feed.ts";
import { resourceOf } from "../objects/keys.ts";
import type { ReconcileContext, Reconciler, Touch } from "./reconciler.ts";
import { WorkQueue } from "./work-queue.ts";

const pluralByResource = new Map(kinds.map((kind) => [resourceOf(kind), kind.plural]));

export interface LoopOptions {
  readonly reconcilers: readonly Reconciler[];
  readonly feed: Feed;
  readonly log: Log;
}

/** Reconciles until `signal` fires. Throws where it lost sight of what changes. */
export async function reconcile(
  given: ReconcileContext,
  { reconcilers, feed, log }: LoopOptions,
  signal: AbortSignal,
): Promise<void> {
  const context = { ...given, sinceMs: given.nowMs() };
  const queue = new WorkQueue(context, log);
  const touch = (touched: Touch) => {
    for (const reconciler of reconcilers) {
      for (const what of reconciler.touched(touched)) queue.add(reconciler, what);
    }
  };
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const running = queue.run(both);
  try {
    let revision: number | undefined;
    for (const kind of kinds) {
      for await (const portion of context.objects.portions(kind)) {
        for (const { object } of portion.listed) touch({ plural: kind.plural, object });
        revision ??= portion.revision;
        if (signal.aborted) return;
      }
    }
    for await (const { events } of feed.follow(revision ?? 0, both)) {
      for (const { resource, object, previous } of events) {
        const plural = pluralByResource.get(resource);
        if (plural) touch({ plural, object, previous });
      }
    }
  } finally {
    end.abort();
    await running;
  }
}
