/** All objects of a kind in memory, kept as the server has them: list, watch, resume, relist. */
import type { WatchEvent } from "../node-spec.ts";
import type { ObjectMeta } from "../object.ts";
import { follow } from "./follow.ts";
import type { Sleep } from "./patience.ts";
import type { Resource, Selection } from "./resource.ts";

type Kept = { readonly metadata: ObjectMeta };

export interface Change<O> {
  readonly type: "added" | "changed" | "removed";
  /** As it is now; what was removed as it was last. */
  readonly object: O;
  /** As it was before a change. */
  readonly previous?: O;
}

export interface InformerOptions<O> extends Omit<Selection, "signal"> {
  /** Told of each change in order. What it throws ends the informer. */
  readonly onChange?: (change: Change<O>) => void;
  /** Told of what went wrong before it is tried again. */
  readonly onError?: (error: unknown) => void;
  /** Waits before another try; ends at once when the signal fires. */
  readonly sleep?: Sleep;
}

export interface Informer<O> {
  /** The object; undefined: there is none, as far as is known. */
  get(name: { readonly name: string; readonly namespace?: string }): O | undefined;
  /** All objects, in no order. */
  list(): readonly O[];
  /** Resolves once the first list is complete; rejects when the informer ends before that. */
  readonly synced: Promise<void>;
  /** Whether the first list is complete. */
  isSynced(): boolean;
  /** Keeps up until the signal fires. Rejects where the server has no such kind or selector. */
  run(signal: AbortSignal): Promise<void>;
}

const keyOf = ({ name, namespace = "" }: { readonly name: string; readonly namespace?: string }) =>
  `${namespace}/${name}`;

type Source<O> = Pick<Resource<O>, "list" | "watch">;

export function informer<O extends Kept>(
  resource: Source<O>,
  { onChange, onError, sleep, ...selection }: InformerOptions<O> = {},
): Informer<O> {
  const cache = new Cache<O>(onChange);
  const { promise: synced, resolve: markSynced, reject: failSync } = Promise.withResolvers<void>();
  // Whoever does not wait for it learns of the failure from `run`.
  synced.catch(() => undefined);
  let isSynced = false;

  const run = async (signal: AbortSignal): Promise<void> => {
    const source = {
      list: (signal: AbortSignal) => listAll(resource, selection, signal),
      watch: (from: object) => resource.watch({ ...selection, ...from }),
    };
    const onReached = (_: boolean, error?: unknown) => {
      if (error !== undefined) onError?.(error);
    };
    for await (const change of follow(source, { signal, onReached, sleep })) {
      if (change.type === "LIST") {
        cache.replace(change.list);
        isSynced = true;
        markSynced();
      } else if (change.type !== "BEGIN") cache.take(change);
    }
    failSync(new Error("The informer was stopped before its first list was complete"));
  };
  return {
    get: (name) => cache.objects.get(keyOf(name)),
    list: () => [...cache.objects.values()],
    synced,
    isSynced: () => isSynced,
    run: (signal) =>
      run(signal).catch((error: unknown) => {
        failSync(error);
        throw error;
      }),
  };
}

/** The objects by key; tells of each change. */
class Cache<O extends Kept> {
  readonly objects = new Map<string, O>();
  private readonly onChange: InformerOptions<O>["onChange"];

  constructor(onChange: InformerOptions<O>["onChange"]) {
    this.onChange = onChange;
  }

  take({ type, object }: WatchEvent<O>): void {
    if (type === "DELETED") this.remove(keyOf(object.metadata), object);
    else if (type !== "BOOKMARK") this.put(object);
  }

  /** All that there is: what else was there went. */
  replace(found: readonly O[]): void {
    const keys = new Set(found.map(({ metadata }) => keyOf(metadata)));
    for (const key of [...this.objects.keys()]) if (!keys.has(key)) this.remove(key);
    for (const object of found) this.put(object);
  }

  private put(object: O): void {
    const key = keyOf(object.metadata);
    const previous = this.objects.get(key);
    if (previous?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    this.objects.set(key, object);
    if (previous) this.onChange?.({ type: "changed", object, previous });
    else this.onChange?.({ type: "added", object });
  }

  private remove(key: string, last?: O): void {
    const known = this.objects.get(key);
    if (!known) return;
    this.objects.delete(key);
    this.onChange?.({ type: "removed", object: last ?? known });
  }
}

/** Reads all, part by part, and the resourceVersion to watch from. */
async function listAll<O>(
  resource: Source<O>,
  selection: Omit<Selection, "signal">,
  signal: AbortSignal,
): Promise<{ readonly list: readonly O[]; readonly version: string }> {
  const objects: O[] = [];
  let next: string | undefined;
  for (;;) {
    const page = await resource.list({ ...selection, limit: 500, continue: next, signal });
    objects.push(...page.items);
    const { resourceVersion: version } = page.metadata;
    next = page.metadata.continue || undefined;
    if (next === undefined) return { list: objects, version };
  }
}
