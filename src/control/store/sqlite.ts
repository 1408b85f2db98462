/** A store in one SQLite file, for a control plane of one process. */
import type { Database } from "bun:sqlite";
import { randomUUID } from "node:crypto";
import type { CopyableStore, Dump } from "./copyable.ts";
import { Feed, type FeedLimits, feedLimits } from "./feed.ts";
import { afterPrefix, checkCommit, compareKeys } from "./keys.ts";
import { ownFile } from "./owner.ts";
import { makePrivate } from "./private-file.ts";
import { dumpTables } from "./sqlite-dump.ts";
import { bytesOf, History } from "./sqlite-history.ts";
import { attempt, openTables } from "./sqlite-tables.ts";
import {
  type Change,
  CompactedError,
  type Condition,
  type Entry,
  type EventBatch,
  type Lease,
  LeaseLostError,
  type Listing,
  type ListOptions,
  type StoreEvent,
  StoreUnavailableError,
} from "./store.ts";

export interface SqliteOptions {
  /** Revisions that are remembered; more are forgotten now and then. */
  readonly keepRevisions?: number;
  /** Bytes of the values in them, at most. */
  readonly keepBytes?: number;
  readonly feed?: FeedLimits;
}

const defaults = { keepRevisions: 10_000, keepBytes: 2 ** 28, feed: feedLimits } as const;

/** Stands for the end of a range that has none. */
const lastKey = "\u{10ffff}".repeat(4);

/** Opens the store in this file, made where there is none. Throws StoreUnavailableError. */
export function openSqlite(path: string, options: SqliteOptions = {}): SqliteStore {
  const owner = ownFile(path);
  try {
    makePrivate(path);
    return new SqliteStore({ path, owner, database: openTables(path) }, options);
  } catch (error) {
    owner[Symbol.dispose]();
    throw error;
  }
}

interface Opened {
  readonly path: string;
  readonly owner: Disposable;
  readonly database: Database;
}

export class SqliteStore implements CopyableStore {
  readonly #path: string;
  readonly #owner: Disposable;
  readonly #database: Database;
  readonly #keepRevisions: number;
  readonly #keepBytes: number;
  readonly #feed: Feed;
  readonly #leases = new Map<string, Timer>();
  #revision: number;
  #compacted: number;
  readonly #history: History;
  /** Of the values in it. */
  #historyBytes: number;
  #closed = false;

  constructor({ path, owner, database }: Opened, options: SqliteOptions) {
    this.#path = path;
    this.#owner = owner;
    this.#database = database;
    this.#keepRevisions = options.keepRevisions ?? defaults.keepRevisions;
    this.#keepBytes = options.keepBytes ?? defaults.keepBytes;
    const { revision, compacted } = this.#run("open", () => {
      return database
        .query<{ revision: number; compacted: number }, []>("SELECT * FROM state")
        .get()!;
    });
    this.#revision = revision;
    this.#compacted = compacted;
    this.#history = new History(database);
    this.#historyBytes = this.#run("open", () => this.#history.bytesUpTo(revision));
    const history = {
      read: (after: number) => this.#changesAfter(after),
      current: async () => this.#revision,
    };
    this.#feed = new Feed(history, revision, options.feed ?? defaults.feed);
    // Renewals are in memory alone: each lease has its whole time again.
    for (const { id, ttl_ms } of this.#all<{ id: string; ttl_ms: number }>("SELECT * FROM lease")) {
      this.#expireIn(id, ttl_ms);
    }
  }

  async get(key: string): Promise<Entry | undefined> {
    const sql = "SELECT key, value, revision FROM entry WHERE key = ?";
    return this.#all<Entry>(sql, key)[0];
  }

  async getAll(keys: readonly string[]): Promise<Entry[]> {
    const found = await Promise.all(keys.map((key) => this.get(key)));
    return found.filter((entry) => entry !== undefined);
  }

  async list(prefix: string, options: ListOptions = {}): Promise<Listing> {
    const revision = options.revision ?? this.#revision;
    this.#refuseForgotten(revision, `list at ${revision}`);
    const { after = "" } = options;
    // One bound alone: of two, SQLite seeks the first and reads its way to the second.
    const isAfter = compareKeys(after, prefix) >= 0;
    const sql = isAfter ? afterKey : fromKey;
    const to = afterPrefix(prefix) ?? lastKey;
    const range = { from: isAfter ? after : prefix, to };
    const isNow = revision === this.#revision;
    return this.#run("read", () => {
      const query = this.#database.query<Entry, any[]>(isNow ? sql.now : sql.past);
      const rows = query.iterate(isNow ? range : { ...range, revision });
      return { ...firstOf(rows, options), revision };
    });
  }

  async commit(conditions: readonly Condition[], changes: readonly Change[]) {
    checkCommit(conditions, changes);
    const events = this.#transact("write to", (): StoreEvent[] | undefined => {
      for (const { lease } of changes) if (lease) this.#refuseLost(lease.id);
      for (const { key, revision } of conditions) {
        if ((this.#current(key)?.revision ?? 0) !== revision) return undefined;
      }
      return this.#make(changes);
    });
    if (events) this.#publish(events);
    return events && this.#revision;
  }

  watch(prefix: string, revision: number, signal: AbortSignal): AsyncIterable<EventBatch> {
    this.#refuseClosed("watch");
    return this.#feed.watch(prefix, revision, signal);
  }

  async compact(revision: number): Promise<void> {
    if (revision > this.#revision) {
      throw new RangeError(`Cannot compact to ${revision}: the store is at ${this.#revision}`);
    }
    if (revision > this.#compacted) this.#compactTo(revision);
  }

  async lease(ttlMs: number): Promise<Lease> {
    const id = randomUUID();
    this.#transact("write to", () => {
      this.#do("INSERT INTO lease VALUES (?, ?)", id, Math.ceil(ttlMs));
    });
    this.#expireIn(id, ttlMs);
    return {
      id,
      renew: async () => {
        this.#refuseLost(id);
        this.#expireIn(id, ttlMs);
      },
      revoke: async () => this.#endLease(id),
    };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#leases.values()) clearTimeout(timer);
    this.#feed.end();
    this.#database.close();
    this.#owner[Symbol.dispose]();
  }

  /** As CopyableStore. */
  async dump(): Promise<Dump> {
    return this.#run("read", () => dumpTables(this.#database));
  }

  /**
   * Puts entries into the empty store, under one revision above `above`; every earlier one is
   * forgotten. All or none. Gives their revision.
   */
  async fill(entries: Iterable<Pick<Entry, "key" | "value">>, above: number): Promise<number> {
    const revision = Math.max(above, this.#revision) + 1;
    this.#transact("fill", () => {
      if (this.#all("SELECT 1 FROM entry LIMIT 1").length > 0) {
        throw new RangeError(`Cannot fill the store "${this.#path}": it is not empty`);
      }
      for (const { key, value } of entries) {
        this.#do("INSERT INTO entry VALUES (?, ?, ?, NULL)", key, value, revision);
      }
      this.#do("DELETE FROM change");
      this.#do("UPDATE state SET revision = ?, compacted = ?", revision, revision);
    });
    this.#revision = revision;
    this.#compacted = revision;
    this.#historyBytes = 0;
    this.#feed.skipTo(revision);
    return revision;
  }

  #publish(events: readonly StoreEvent[]): void {
    if (events.length === 0) return;
    this.#revision = events[0]!.revision;
    for (const event of events) this.#historyBytes += bytesOf(event);
    this.#feed.push({ revision: this.#revision, events });
    this.#forgetOld();
  }

  #forgetOld(): void {
    try {
      // In portions: forgetting costs a commit.
      const spare = Math.ceil(this.#keepRevisions / 10);
      const oldest = this.#revision - this.#keepRevisions;
      if (oldest - spare > this.#compacted) this.#compactTo(oldest);
      if (this.#historyBytes > this.#keepBytes) {
        const spareBytes = this.#historyBytes - 0.9 * this.#keepBytes;
        this.#compactTo(this.#run("read", () => this.#history.revisionAfter(spareBytes)));
      }
    } catch (error) {
      // The commit before it was made, and the next one tries again.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  /** Changes all within a transaction. Gives what happened, in the order of the keys. */
  #make(changes: readonly Change[]): StoreEvent[] {
    const revision = this.#revision + 1;
    const events = changes.flatMap((change) => this.#change(change, revision));
    if (events.length === 0) return events;
    this.#do("UPDATE state SET revision = ?", revision);
    return events.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  #change({ key, value, lease }: Change, revision: number): StoreEvent[] {
    const before = this.#current(key);
    if (value === undefined && !before) return [];
    if (value === undefined) this.#do("DELETE FROM entry WHERE key = ?", key);
    else this.#do(putEntry, key, value, revision, lease?.id ?? null);
    const previous = before?.value;
    const row = [value ?? null, previous ?? null, before?.revision ?? null];
    this.#do("INSERT INTO change VALUES (?, ?, ?, ?, ?)", revision, key, ...row);
    return [{ key, revision, ...(value !== undefined && { value }), ...(before && { previous }) }];
  }

  #current(key: string): { value: string; revision: number } | undefined {
    return this.#all<Entry>("SELECT value, revision FROM entry WHERE key = ?", key)[0];
  }

  #compactTo(revision: number): void {
    const bytes = this.#transact("compact", () => {
      const gone = this.#history.bytesUpTo(revision);
      this.#do("DELETE FROM change WHERE revision <= ?", revision);
      this.#do("UPDATE state SET compacted = ?", revision);
      return gone;
    });
    this.#historyBytes -= bytes;
    this.#compacted = revision;
    this.#feed.forget(revision);
  }

  async *#changesAfter(revision: number): AsyncGenerator<EventBatch> {
    for (let at = revision; ; ) {
      this.#refuseForgotten(at, `watch from ${at}`);
      const batches = this.#run("read", () => this.#history.after(at));
      if (batches.length === 0) return;
      for (const batch of batches) {
        at = batch.revision;
        yield batch;
      }
    }
  }

  #expireIn(id: string, ttlMs: number): void {
    clearTimeout(this.#leases.get(id));
    this.#leases.set(
      id,
      setTimeout(() => this.#expire(id, ttlMs), ttlMs),
    );
  }

  /** A full disk must not keep the keys for ever: it is tried again. */
  #expire(id: string, ttlMs: number): void {
    try {
      this.#endLease(id);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#expireIn(id, ttlMs);
    }
  }

  #endLease(id: string): void {
    if (!this.#leases.has(id)) return;
    const events = this.#transact("write to", () => {
      const keys = this.#all<{ key: string }>("SELECT key FROM entry WHERE lease = ?", id);
      this.#do("DELETE FROM lease WHERE id = ?", id);
      return this.#make(keys.map(({ key }) => ({ key })));
    });
    clearTimeout(this.#leases.get(id));
    this.#leases.delete(id);
    this.#publish(events);
  }

  #refuseLost(id: string): void {
    if (this.#leases.has(id)) return;
    throw new LeaseLostError(`The lease "${id}" ran out, or was revoked: ask for a new one`);
  }

  #refuseForgotten(revision: number, what: string): void {
    if (revision < this.#compacted) {
      const message = `Cannot ${what}: changes up to ${this.#compacted} are forgotten. List again`;
      throw new CompactedError(message);
    }
    if (revision > this.#revision) {
      const message = `Cannot ${what}: the store is at ${this.#revision}. List again`;
      throw new CompactedError(message);
    }
  }

  #refuseClosed(verb: string): void {
    if (!this.#closed) return;
    throw new StoreUnavailableError(`Cannot ${verb} the store "${this.#path}": it was closed`);
  }

  #all<Row>(sql: string, ...values: any[]): Row[] {
    return this.#run("read", () => this.#database.query<Row, any[]>(sql).all(...values));
  }

  #do(sql: string, ...values: any[]): void {
    this.#database.query(sql).run(...values);
  }

  #transact<T>(verb: string, work: () => T): T {
    return this.#run(verb, () => this.#database.transaction(work).immediate());
  }

  #run<T>(verb: string, work: () => T): T {
    this.#refuseClosed(verb);
    return attempt(this.#path, verb, work);
  }
}

function firstOf(rows: Iterable<Entry>, { limit = Infinity, size = Infinity }: ListOptions) {
  const entries: Entry[] = [];
  let taken = 0;
  for (const row of rows) {
    if (entries.length >= limit || taken >= size) return { entries, more: true };
    entries.push(row);
    taken += row.value.length;
  }
  return { entries, more: false };
}

/** Lists of what is now, and of what was once. */
const lists = (range: string) => ({ now: listNow(range), past: listPast(range) });

const listNow = (range: string) => `
SELECT key, value, revision FROM entry WHERE ${range} ORDER BY key`;

/** Of keys that changed since, what stood there before the first of these changes. */
const listPast = (range: string) => `
SELECT key, value, revision FROM entry WHERE ${range} AND revision <= $revision
UNION ALL
SELECT key, previous, previous_revision FROM change AS first
WHERE ${range} AND revision > $revision
  AND previous IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM change
    WHERE key = first.key AND revision > $revision AND revision < first.revision)
ORDER BY key`;

const fromKey = lists("key >= $from AND key < $to");
const afterKey = lists("key > $from AND key < $to");

const putEntry = `
INSERT INTO entry VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision,
  lease = excluded.lease`;
