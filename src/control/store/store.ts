/** Where objects are kept: an ordered map with one revision for all of it, as etcd has. */

/** A key and what stands under it. */
export interface Entry {
  readonly key: string;
  readonly value: string;
  /** The revision of its last change. Revisions are positive and only grow. */
  readonly revision: number;
}

/** One change. Changes of one commit bear one revision. */
export interface StoreEvent {
  readonly key: string;
  readonly revision: number;
  /** Absent: the key was deleted. */
  readonly value?: string;
  /** What stood there before; absent where nothing did. */
  readonly previous?: string;
}

/** What must hold for a commit: the key's last change, 0 where there must be no such key. */
export interface Condition {
  readonly key: string;
  readonly revision: number;
}

/**
 * A change to make; without a value the key goes, and where there is none nothing happens. A key is
 * changed at most once a commit. Keys and values are Unicode without NUL, keys not empty.
 */
export interface Change {
  readonly key: string;
  readonly value?: string;
  /** The key goes with this lease; a key that is changed without one leaves it. */
  readonly lease?: Pick<Lease, "id">;
}

/** What one commit may hold: what etcd takes as it is shipped, with room to spare. */
export const commitLimits = { conditions: 120, changes: 120, bytes: 2 ** 20 } as const;

export interface ListOptions {
  /** At most so many; all unless set. */
  readonly limit?: number;
  /** No more once the values have so many UTF-16 units together, or somewhat more. */
  readonly size?: number;
  /** Only keys after this one. */
  readonly after?: string;
  /** As it was at this revision; now unless set. Throws CompactedError where none remembers it. */
  readonly revision?: number;
}

export interface Listing {
  /** In the order of the bytes of their keys. */
  readonly entries: readonly Entry[];
  /** At which this is how things stood. */
  readonly revision: number;
  /** More would have come but for the limit or the size. */
  readonly more: boolean;
}

/** Keys that go when their holder is no longer heard of. */
export interface Lease {
  readonly id: string;
  /** Throws LeaseLostError where its time ran out. */
  renew(): Promise<void>;
  /** Its keys go now. None is fine. */
  revoke(): Promise<void>;
}

/**
 * All throw StoreUnavailableError where the store can't be reached or can't write; then it is
 * unknown whether a commit was made, and nothing of a half-made one is ever seen.
 */
export interface Store {
  /** The entry; undefined without one. */
  get(key: string): Promise<Entry | undefined>;
  /** The entries of those keys that there are, in the order of the keys. Not of one moment. */
  getAll(keys: readonly string[]): Promise<Entry[]>;
  /** Entries whose keys begin with `prefix`. What was committed before the call is in it. */
  list(prefix: string, options?: ListOptions): Promise<Listing>;
  /**
   * Makes all changes if all conditions hold. Gives their revision, that of now where nothing had
   * to change; undefined: none was made. Throws RangeError beyond `commitLimits`, LeaseLostError.
   */
  commit(conditions: readonly Condition[], changes: readonly Change[]): Promise<number | undefined>;
  /**
   * Batches of changes after `revision` to keys with this prefix, each once, in order, without end.
   * One commit is one batch, its events in the order of their keys. An empty batch tells that
   * nothing up to its revision is missing: the first comes once the watch has caught up, others
   * from time to time. Ends when `signal` fires and when the store is closed. Throws CompactedError
   * where changes after `revision` are forgotten, also later, or where the store never came to
   * `revision`; StoreUnavailableError where it goes: resume from the last batch's revision.
   */
  watch(prefix: string, revision: number, signal: AbortSignal): AsyncIterable<EventBatch>;
  /** Forgets what was before this revision; what is now stays. Done already is fine. */
  compact(revision: number): Promise<void>;
  /** A lease that lasts `ttlMs`, or up to two seconds longer, from now and from each renewal. */
  lease(ttlMs: number): Promise<Lease>;
  /** Ends all watches and gives its resources back. */
  close(): Promise<void>;
}

export interface EventBatch {
  readonly revision: number;
  readonly events: readonly StoreEvent[];
}

/** The history that was asked for is forgotten: list again. */
export class CompactedError extends Error {
  override readonly name = "CompactedError";
}

/** The store can't be reached, or can't write. Trying again may help. */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
}

/** Another process has the store, or it is not empty where it is to be filled. Says what to do. */
export class StoreInUseError extends Error {
  override readonly name = "StoreInUseError";
}

/** The lease ran out, and its keys went. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";
}
