/** Changes of all objects, read from the store once and shared by everyone who watches. */
import type { ApiObject } from "../../api/object.ts";
import { expired } from "../../api/status-error.ts";
import { CompactedError, type EventBatch, type Store } from "../store/store.ts";
import { objectsPrefix, resourceOfKey } from "./keys.ts";
import { decode } from "./stored.ts";
import { everything, topicsOf } from "./topics.ts";
import { Waiting } from "./waiting.ts";

/** A change of one object. */
export interface ObjectEvent {
  readonly key: string;
  /** `netloom.dev/networks`. */
  readonly resource: string;
  readonly revision: number;
  /** As it is now; absent: it went. */
  readonly object?: ApiObject;
  /** As it was; absent: it is new. */
  readonly previous?: ApiObject;
  /** Its lines by what they are called, made once for all who send them. */
  readonly lines: Map<string, string>;
}

/** What changed up to a revision. None: nothing up to there is missing. */
export interface Changes {
  readonly revision: number;
  readonly events: readonly ObjectEvent[];
}

interface Kept extends Changes {
  readonly size: number;
}

export interface FeedLimits {
  /** So many events are kept for those who are slow; who is slower must list again. */
  readonly events: number;
  /** Characters of their objects' JSON, as they were and are, at most. */
  readonly size: number;
  /** Between two times that all are told how far it is, if anything changed. */
  readonly progressMs: number;
}

const usual: FeedLimits = { events: 10_000, size: 2 ** 25, progressMs: 5000 };
const retryMs = 500;

export class Feed {
  readonly #store: Store;
  readonly #limits: FeedLimits;
  readonly #end = new AbortController();
  /** In the order of revisions. */
  #batches: Kept[] = [];
  #events = 0;
  #size = 0;
  /** All changes after this one, up to `#revision`, are in `#batches`. */
  #since = 0;
  #revision = 0;
  readonly #waiting = new Waiting();
  #wokeAllMs = Number.NEGATIVE_INFINITY;
  #started: Promise<void> | undefined;

  constructor(store: Store, limits: Partial<FeedLimits> = {}) {
    this.#store = store;
    this.#limits = { ...usual, ...limits };
  }

  /** All watches end. */
  close(): void {
    this.#end.abort();
  }

  /** How many wait for changes. */
  get watchers(): number {
    return this.#waiting.size;
  }

  /**
   * Changes after `revision`, each once and in order, until `signal` fires or the feed is closed.
   * With topics, those of none of them may be left out; they are asked for anew whenever there is
   * nothing left to tell. Holds no memory of its own. Throws ApiError (Expired) where changes are
   * forgotten, also later.
   */
  async *follow(
    revision: number,
    signal: AbortSignal,
    topics: () => readonly string[] = () => everything,
  ): AsyncGenerator<Changes> {
    await this.#start();
    if (revision > this.#revision) await this.#refuseFuture(revision);
    const ends = AbortSignal.any([signal, this.#end.signal]);
    let at = revision;
    let hasCaughtUp = false;
    while (!ends.aborted) {
      if (at < this.#since) {
        if (hasCaughtUp) throw tooOld(at);
        for await (const changes of this.#catchUp(at, ends)) {
          at = changes.revision;
          yield changes;
        }
        continue;
      }
      hasCaughtUp = true;
      const next = this.#after(at);
      if (next === undefined) at = Math.max(at, await this.#waiting.forTopics(topics(), ends));
      else {
        at = next.revision;
        yield next;
      }
    }
  }

  /** A store that was restored from a backup never came to what clients saw of the lost one. */
  async #refuseFuture(revision: number): Promise<void> {
    const now = await this.#store.list(objectsPrefix, { limit: 1 });
    if (revision > now.revision) throw tooOld(revision);
  }

  /** Of the store's own history, until the feed goes on from there. */
  async *#catchUp(revision: number, ends: AbortSignal): AsyncGenerator<Changes> {
    const end = new AbortController();
    const begun = this.#since;
    try {
      const signal = AbortSignal.any([ends, end.signal]);
      for await (const batch of this.#store.watch(objectsPrefix, revision, signal)) {
        yield toChanges(batch);
        if (batch.revision >= begun) return;
      }
    } catch (error) {
      throw error instanceof CompactedError ? tooOld(revision) : error;
    } finally {
      end.abort();
    }
  }

  /**
   * The batch after a revision that is not forgotten here; undefined: there is none yet. One alone,
   * so that who is slow holds nothing that the feed has dropped.
   */
  #after(revision: number): Changes | undefined {
    if (revision >= this.#revision) return undefined;
    const batches = this.#batches;
    let [low, high] = [0, batches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (batches[middle]!.revision > revision) high = middle;
      else low = middle + 1;
    }
    return batches[low] ?? { revision: this.#revision, events: [] };
  }

  #start(): Promise<void> {
    this.#started ??= this.#begin().catch((error) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  /** Anew from now: what was kept is dropped, and watchers catch up from the store. */
  async #begin(): Promise<void> {
    const { revision } = await this.#store.list(objectsPrefix, { limit: 1 });
    const before = this.#revision;
    this.#batches = [];
    this.#events = 0;
    this.#size = 0;
    this.#since = revision;
    this.#revision = revision;
    this.#waiting.wakeAll(before);
    void this.#read(revision);
  }

  async #read(revision: number): Promise<void> {
    try {
      for await (const batch of this.#store.watch(objectsPrefix, revision, this.#end.signal)) {
        this.#take(batch);
      }
    } catch {
      // The store went, or forgot: who watches finds out by himself when he catches up.
    }
    while (!this.#end.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      if (this.#end.signal.aborted) return;
      const begun = await this.#begin().then(
        () => true,
        () => false,
      );
      if (begun) return;
    }
  }

  #take(batch: EventBatch): void {
    const before = this.#revision;
    const changes = toChanges(batch);
    if (changes.events.length > 0) {
      const size = sizeOf(batch);
      this.#batches.push({ ...changes, size });
      this.#events += changes.events.length;
      this.#size += size;
    }
    this.#revision = Math.max(this.#revision, batch.revision);
    this.#trim();
    this.#wake(changes, before);
  }

  /** The last batch stays whatever its size: who keeps up must get it. */
  #trim(): void {
    const { events, size } = this.#limits;
    let dropped = 0;
    while (dropped < this.#batches.length - 1 && (this.#events > events || this.#size > size)) {
      const oldest = this.#batches[dropped++]!;
      this.#since = oldest.revision;
      this.#events -= oldest.events.length;
      this.#size -= oldest.size;
    }
    if (dropped > 0) this.#batches.splice(0, dropped);
  }

  /** From time to time all are told how far it is, so that they can be resumed from there. */
  #wake(changes: Changes, before: number): void {
    const nowMs = performance.now();
    if (changes.events.length > 0 && nowMs - this.#wokeAllMs < this.#limits.progressMs) {
      this.#waiting.wake(changes.events.flatMap(topicsOf), before);
      return;
    }
    this.#wokeAllMs = nowMs;
    this.#waiting.wakeAll(before);
  }
}

const sizeOf = ({ events }: EventBatch): number =>
  events.reduce((sum, { value = "", previous = "" }) => sum + value.length + previous.length, 0);

const tooOld = (revision: number) =>
  expired(`too old resource version: ${revision}: list again, and watch from there`);

const toChanges = ({ revision, events }: EventBatch): Changes => ({
  revision,
  events: events.map(({ key, value, previous, ...event }) => ({
    key,
    resource: resourceOfKey(key),
    revision: event.revision,
    ...(value !== undefined && { object: decode(value, event.revision) }),
    ...(previous !== undefined && { previous: decode(previous, event.revision) }),
    lines: new Map(),
  })),
});
