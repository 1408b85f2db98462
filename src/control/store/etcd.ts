/** A store in etcd, for a control plane of several processes. */

import type { CopyableStore, Dump } from "./copyable.ts";
import { entryChunks } from "./entry-chunks.ts";
import {
  EtcdClient,
  EtcdError,
  type EtcdLimits,
  type EtcdTls,
  etcdLimits,
  grpcCode,
} from "./etcd-client.ts";
import { keyOf, ofEtcd, ownKeys, toEtcd } from "./etcd-keys.ts";
import { defaultTicks, EtcdTicker, type Ticks } from "./etcd-ticker.ts";
import { RefilledError, readWatch } from "./etcd-watch.ts";
import { Feed, type FeedLimits, feedLimits } from "./feed.ts";
import { checkCommit } from "./keys.ts";
import {
  type Change,
  CompactedError,
  type Condition,
  commitLimits,
  type Entry,
  type EventBatch,
  type Lease,
  LeaseLostError,
  type Listing,
  type ListOptions,
  StoreUnavailableError,
} from "./store.ts";

export interface EtcdOptions {
  /** `https://host:port`, in the order in which they are tried. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly limits?: EtcdLimits;
  readonly ticks?: Ticks;
  readonly feed?: FeedLimits;
}

/** Entries that are asked for at once. */
const pageEntries = 1000;
/** etcd does not tell how large values are before it sends them: so many come first. */
const unknownEntries = 32;

/** How many more entries a size has room for, if they are like those so far. */
function fittingIn(size: number, so: { readonly entries: number; readonly size: number }): number {
  if (size === Number.POSITIVE_INFINITY) return size;
  if (so.entries === 0) return unknownEntries;
  return Math.max(1, Math.ceil(((size - so.size) / Math.max(1, so.size)) * so.entries));
}

/** How long watches wait for a member that answers. */
const patienceMs = 15_000;

const pauseMs = 200;

/** What etcd says of the keys that tell how its revisions are counted. */
interface Base {
  /** Added to etcd's revisions. */
  readonly offset: number;
  /** etcd's revision of the key's last change; 0 without one. */
  readonly changed: number;
}

/** Opens the store in this etcd. Throws StoreUnavailableError, EtcdError. */
export async function openEtcd(options: EtcdOptions): Promise<EtcdStore> {
  const limits = options.limits ?? etcdLimits;
  const client = new EtcdClient(options.endpoints, options.tls ?? {}, limits);
  if ((await readOne(client, ownKeys.filling)) !== undefined) {
    throw new StoreUnavailableError(
      `Cannot use the store in etcd at "${options.endpoints}": a restore into it was cut short. ` +
        "Remove what it left (etcdctl del --prefix /netloom), and restore again",
    );
  }
  return new EtcdStore(client, await readBase(client), options);
}

export class EtcdStore implements CopyableStore {
  readonly #client: EtcdClient;
  readonly #ticker: EtcdTicker;
  readonly #feedLimits: FeedLimits;
  readonly #quietMs: number;
  readonly #closing = new AbortController();
  #base: Base;
  #feed: Promise<Feed> | undefined;
  #left: StoreUnavailableError | undefined;

  constructor(client: EtcdClient, base: Base, options: EtcdOptions) {
    const ticks = options.ticks ?? defaultTicks;
    this.#client = client;
    this.#base = base;
    this.#feedLimits = options.feed ?? feedLimits;
    this.#quietMs = 3 * ticks.everyMs;
    this.#ticker = new EtcdTicker(client, ticks);
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#refuseClosed();
    const { kvs } = await this.#client.call("kv/range", { key: toEtcd.key(key) }, true);
    return kvs?.length ? this.#entryOf(kvs[0]) : undefined;
  }

  async getAll(keys: readonly string[]): Promise<Entry[]> {
    this.#refuseClosed();
    const entries: Entry[] = [];
    for (let from = 0; from < keys.length; from += commitLimits.changes) {
      const some = keys.slice(from, from + commitLimits.changes);
      const success = some.map((key) => ({ request_range: { key: toEtcd.key(key) } }));
      const { responses = [] } = await this.#client.call("kv/txn", { success }, true);
      for (const { response_range: found } of responses) {
        if (found.kvs?.length) entries.push(this.#entryOf(found.kvs[0]));
      }
    }
    return entries;
  }

  async list(prefix: string, options: ListOptions = {}): Promise<Listing> {
    this.#refuseClosed();
    try {
      return await this.#listAt(prefix, options);
    } catch (error) {
      // Compacted between two pages of a list of now.
      if (!(error instanceof CompactedError) || options.revision !== undefined) throw error;
      return this.list(prefix, options);
    }
  }

  async #listAt(prefix: string, options: ListOptions): Promise<Listing> {
    const entries: Entry[] = [];
    const { size = Number.POSITIVE_INFINITY } = options;
    let { revision, after } = options;
    let taken = 0;
    if (revision !== undefined && revision <= this.#base.offset) throw forgotten(revision);
    for (;;) {
      const fitting = fittingIn(size, { entries: entries.length, size: taken });
      const limit = Math.min(pageEntries, (options.limit ?? Infinity) - entries.length, fitting);
      const page = await this.#readPage({
        ...toEtcd.range(prefix, after),
        limit: String(limit),
        ...(revision !== undefined && { revision: String(revision - this.#base.offset) }),
      });
      revision ??= Number(page.header.revision) + this.#base.offset;
      for (const kv of page.kvs ?? []) {
        const entry = this.#entryOf(kv);
        entries.push(entry);
        taken += entry.value.length;
      }
      const more = page.more === true;
      const isFull = entries.length === options.limit || taken >= size;
      if (!more || isFull) return { entries, revision, more };
      after = entries.at(-1)!.key;
    }
  }

  async #readPage(request: object): Promise<any> {
    try {
      return await this.#client.call("kv/range", request, true);
    } catch (error) {
      if (isCode(error, grpcCode.outOfRange)) throw forgotten(undefined, error);
      throw error;
    }
  }

  async commit(conditions: readonly Condition[], changes: readonly Change[]) {
    this.#refuseClosed();
    checkCommit(conditions, changes);
    const { offset, changed } = this.#base;
    // What was before this store was filled is no key's last change.
    if (conditions.some(({ revision }) => revision !== 0 && revision <= offset)) return undefined;
    const found = conditions.map(({ key, revision }) => ({
      key: toEtcd.key(key),
      revision: revision === 0 ? 0 : revision - offset,
    }));
    found.push({ key: ownKeys.base, revision: changed });
    const answer = await this.#transact({
      compare: found.map(({ key, revision }) => {
        return { key, target: "MOD", result: "EQUAL", mod_revision: String(revision) };
      }),
      success: changes.map(requestOf),
      failure: [{ request_range: { key: ownKeys.base } }],
    });
    if (answer.succeeded) return Number(answer.header.revision) + offset;
    const base = answer.responses?.[0]?.response_range?.kvs?.[0];
    if (Number(base?.mod_revision ?? 0) !== changed) throw this.#leave();
    return undefined;
  }

  async #transact(request: object): Promise<any> {
    try {
      return await this.#client.call("kv/txn", request, false);
    } catch (error) {
      if (isCode(error, grpcCode.notFound)) {
        throw new LeaseLostError("The lease ran out, or was revoked: ask for a new one");
      }
      throw error;
    }
  }

  async *watch(prefix: string, revision: number, signal: AbortSignal): AsyncGenerator<EventBatch> {
    this.#refuseClosed();
    if (revision < this.#base.offset) throw forgotten(revision);
    this.#feed ??= this.#startFeed();
    yield* (await this.#feed).watch(prefix, revision, signal);
  }

  async compact(revision: number): Promise<void> {
    this.#refuseClosed();
    if (revision > this.#base.offset) await this.#ticker.compact(revision - this.#base.offset);
    (await this.#feed)?.forget(revision);
  }

  async lease(ttlMs: number): Promise<Lease> {
    this.#refuseClosed();
    const seconds = Math.ceil(ttlMs / 1000);
    const { ID: id } = await this.#client.call("lease/grant", { TTL: String(seconds) }, true);
    return {
      id,
      renew: async () => {
        const { result } = await this.#client.call("lease/keepalive", { ID: id }, true);
        if (Number(result?.TTL ?? 0) > 0) return;
        throw new LeaseLostError(`The lease "${id}" ran out, or was revoked: ask for a new one`);
      },
      revoke: async () => {
        try {
          await this.#client.call("lease/revoke", { ID: id }, true);
        } catch (error) {
          if (!isCode(error, grpcCode.notFound)) throw error;
        }
      },
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#ticker.stop();
    // One that never began has nothing to end.
    const feed = await this.#feed?.catch(() => undefined);
    feed?.end();
  }

  /**
   * Puts entries into the empty store, under revisions above `above`. While it lasts nobody can
   * open the store, and who has it open is refused. Gives the last revision.
   */
  async fill(entries: Iterable<Pick<Entry, "key" | "value">>, above: number): Promise<number> {
    this.#refuseClosed();
    const { kvs, header } = await this.#client.call(
      "kv/range",
      { ...toEtcd.range(""), limit: "1" },
      true,
    );
    if (kvs?.length) throw new RangeError("Cannot fill the store in etcd: it is not empty");
    const offset = Math.max(this.#base.offset, above - Number(header.revision));
    const absent = { key: ownKeys.filling, target: "MOD", result: "EQUAL", mod_revision: "0" };
    const answer = await this.#transact({
      compare: [absent],
      success: [putOwn(ownKeys.filling, "1"), putOwn(ownKeys.base, String(offset))],
    });
    if (!answer.succeeded)
      throw new RangeError("Cannot fill the store in etcd: somebody else does");
    this.#base = { offset, changed: Number(answer.header.revision) };
    for (const chunk of entryChunks(entries)) {
      if ((await this.commit([], chunk)) === undefined) throw this.#leave();
    }
    const end = { request_delete_range: { key: ownKeys.filling } };
    const done = await this.#transact({ success: [end] });
    return Number(done.header.revision) + offset;
  }

  /** As CopyableStore. */
  async dump(): Promise<Dump> {
    this.#refuseClosed();
    const entries: Entry[] = [];
    let revision: string | undefined;
    for (let after: string | undefined; ; ) {
      const range = { ...toEtcd.range("", after), limit: String(pageEntries), revision };
      const page = await this.#readPage(range);
      revision ??= page.header.revision as string;
      for (const kv of page.kvs ?? []) if (!kv.lease) entries.push(this.#entryOf(kv));
      if (!page.more) return { entries, revision: Number(revision) + this.#base.offset };
      after = keyOf(page.kvs.at(-1).key)!;
    }
  }

  async #startFeed(): Promise<Feed> {
    const { offset } = this.#base;
    const current = async () => {
      const answer = await this.#client.call("kv/range", { key: ownKeys.base }, true);
      return Number(answer.header.revision) + offset;
    };
    try {
      const read = (revision: number, signal: AbortSignal) => this.#history(revision, signal);
      const feed = new Feed({ read, current }, await current(), this.#feedLimits);
      void this.#follow(feed);
      return feed;
    } catch (error) {
      this.#feed = undefined;
      throw error;
    }
  }

  /** Feeds it for as long as some member answers. */
  async #follow(feed: Feed): Promise<void> {
    let heardAt = performance.now();
    while (!this.#closing.signal.aborted) {
      try {
        for await (const batch of this.#read(feed.head, this.#closing.signal)) {
          heardAt = performance.now();
          if (batch.revision > feed.head) feed.push(batch);
        }
      } catch (error) {
        const isLate = performance.now() - heardAt > patienceMs + this.#quietMs;
        if (isLate || !(error instanceof StoreUnavailableError)) {
          this.#feed = undefined;
          feed.end(error instanceof RefilledError ? this.#leave() : (error as Error));
          return;
        }
      }
      await Bun.sleep(pauseMs);
    }
  }

  /** A tick after it has begun tells when it has come to what is now. */
  async *#history(revision: number, signal: AbortSignal): AsyncGenerator<EventBatch> {
    let begun = false;
    for await (const batch of this.#read(revision, signal)) {
      yield batch;
      if (!begun) await this.#ticker.tick();
      begun = true;
    }
  }

  async *#read(revision: number, signal: AbortSignal): AsyncGenerator<EventBatch> {
    const { offset } = this.#base;
    const options = { signal, quietMs: this.#quietMs };
    for await (const batch of readWatch(this.#client, revision - offset, options)) {
      if (offset === 0) yield batch;
      else yield shifted(batch, offset);
    }
  }

  #entryOf(kv: { key: string; value?: string; mod_revision: string }): Entry {
    const revision = Number(kv.mod_revision) + this.#base.offset;
    return { key: keyOf(kv.key)!, value: ofEtcd.text(kv.value), revision };
  }

  /** Nothing that this store would say were right any more. */
  #leave(): StoreUnavailableError {
    this.#left ??= new StoreUnavailableError(
      "The store in etcd was restored or migrated to while it was open: start this server again",
    );
    return this.#left;
  }

  #refuseClosed(): void {
    if (this.#left) throw this.#left;
    if (!this.#closing.signal.aborted) return;
    throw new StoreUnavailableError("Cannot use the store in etcd: it was closed");
  }
}

function requestOf({ key, value, lease }: Change): object {
  const at = { key: toEtcd.key(key) };
  if (value === undefined) return { request_delete_range: at };
  return { request_put: { ...at, value: toEtcd.text(value), ...(lease && { lease: lease.id }) } };
}

function putOwn(key: string, value: string): object {
  return { request_put: { key, value: toEtcd.text(value) } };
}

function shifted({ revision, events }: EventBatch, offset: number): EventBatch {
  const moved = events.map((event) => ({ ...event, revision: event.revision + offset }));
  return { revision: revision + offset, events: moved };
}

async function readOne(client: EtcdClient, key: string): Promise<any> {
  return (await client.call("kv/range", { key }, true)).kvs?.[0];
}

async function readBase(client: EtcdClient): Promise<Base> {
  const found = await readOne(client, ownKeys.base);
  return {
    offset: Number(ofEtcd.text(found?.value)),
    changed: Number(found?.mod_revision ?? 0),
  };
}

function isCode(error: unknown, code: number): boolean {
  return error instanceof EtcdError && error.code === code;
}

function forgotten(revision?: number, cause?: unknown): CompactedError {
  const what = revision === undefined ? "that revision" : `revision ${revision}`;
  return new CompactedError(`Cannot go back to ${what}: etcd does not know it. List again`, {
    cause,
  });
}
