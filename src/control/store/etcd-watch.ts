/** Reads the stream of a watch in etcd as batches of changes. */
import type { EtcdClient } from "./etcd-client.ts";
import { keyOf, ofEtcd, ownKeys } from "./etcd-keys.ts";
import {
  CompactedError,
  type EventBatch,
  type StoreEvent,
  StoreUnavailableError,
} from "./store.ts";

/** etcd's, of what is used here. */
interface EtcdEvent {
  readonly type?: "DELETE";
  readonly kv: EtcdEntry;
  readonly prev_kv?: EtcdEntry;
}

interface EtcdEntry {
  readonly key: string;
  readonly value?: string;
  readonly create_revision?: string;
  readonly mod_revision: string;
}

/** Entries were put in from elsewhere, and revisions count from another base. */
export class RefilledError extends Error {
  override readonly name = "RefilledError";
}

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** It is given up when nothing came for so long; ticks come more often. */
  readonly quietMs: number;
}

/**
 * Changes after this revision of etcd's, a batch a commit, with revisions of etcd's; also those
 * that hold none of ours. The first batch is empty and tells that the watch has begun. Throws
 * CompactedError, RefilledError, StoreUnavailableError.
 */
export async function* readWatch(
  client: EtcdClient,
  revision: number,
  options: WatchOptions,
): AsyncGenerator<EventBatch> {
  // From `revision` itself: etcd then refuses exactly where changes after it may be forgotten.
  const request = {
    ...ofEtcd.all,
    start_revision: String(Math.max(1, revision)),
    prev_kv: true,
    // Without it etcd's gateway sends nothing, and no error, where a response is over 4 MiB.
    fragment: true,
  };
  let commit: EtcdEvent[] = [];
  for await (const result of client.stream("watch", { create_request: request }, options)) {
    if (result.canceled) throw cancelled(result);
    if (result.created) yield { revision, events: [] };
    for (const event of (result.events ?? []) as EtcdEvent[]) {
      if (Number(event.kv.mod_revision) <= revision) continue;
      const before = commit[0]?.kv.mod_revision;
      if (before !== undefined && before !== event.kv.mod_revision) {
        yield batchOf(commit);
        commit = [];
      }
      commit.push(event);
    }
    // A commit's events are in one response, whose fragments belong together.
    if (result.fragment || commit.length === 0) continue;
    yield batchOf(commit);
    commit = [];
  }
}

function cancelled(result: { compact_revision?: string; cancel_reason?: string }): Error {
  if (Number(result.compact_revision ?? 0) > 0) return forgotten();
  return new StoreUnavailableError(
    `etcd ended a watch: ${result.cancel_reason ?? "no reason given"}`,
  );
}

function forgotten(): CompactedError {
  return new CompactedError("Cannot watch from so long ago: etcd has forgotten it. List again");
}

function batchOf(commit: readonly EtcdEvent[]): EventBatch {
  const revision = Number(commit[0]!.kv.mod_revision);
  const isOurs = ({ kv }: EtcdEvent) => keyOf(kv.key) !== undefined;
  // Already sorted but for the commits of other clients.
  const sorted = commit.filter(isOurs).sort((a, b) => compareBytes(a.kv.key, b.kv.key));
  for (const { kv } of commit) {
    if (kv.key === ownKeys.base) throw new RefilledError(`etcd's revision ${revision}`);
  }
  return { revision, events: sorted.map(eventOf) };
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a, "base64"), Buffer.from(b, "base64"));
}

function eventOf({ type, kv, prev_kv }: EtcdEvent): StoreEvent {
  const event = { key: keyOf(kv.key)!, revision: Number(kv.mod_revision) };
  const isNew = type !== "DELETE" && kv.create_revision === kv.mod_revision;
  // etcd leaves out, without a word, what was compacted before it sent the event.
  if (!isNew && !prev_kv) throw forgotten();
  return {
    ...event,
    ...(type !== "DELETE" && { value: ofEtcd.text(kv.value) }),
    ...(!isNew && { previous: ofEtcd.text(prev_kv?.value) }),
  };
}
