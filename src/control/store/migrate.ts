/** Copies stores as a whole: to a file, from one, and from one store to another. */
import { readBackup, writeBackup } from "./backup-file.ts";
import type { CopyableStore, Dump } from "./copyable.ts";
import { openStore, parseStoreUrl } from "./open.ts";
import { dumpFile } from "./sqlite-dump.ts";

export interface Copied {
  readonly entries: number;
  /** Of the place that was written to. */
  readonly revision: number;
}

/**
 * Writes all entries that go with no lease to `file`, whole at one revision, while the store is in
 * use. Throws StoreUrlError, StoreUnavailableError, FileError.
 */
export async function backup(from: string, file: string): Promise<Copied> {
  const place = parseStoreUrl(from);
  // Beside its owner, who may run.
  const dump = place.kind === "sqlite" ? dumpFile(place.path) : await withStore(from, dumpOf);
  writeBackup(file, dump);
  return { entries: dump.entries.length, revision: dump.revision };
}

/**
 * Puts a backup's entries into an empty store that nobody has open. Throws StoreUrlError,
 * StoreUnavailableError, FileError, BackupError, and RangeError where the store is not empty.
 */
export async function restore(file: string, to: string): Promise<Copied> {
  const dump = readBackup(file);
  return withStore(to, (store) => fill(store, dump));
}

/**
 * Copies all entries that go with no lease into an empty store. Servers of both must be stopped: of
 * a store in SQLite that is seen to. Throws as `restore`.
 */
export async function migrate(from: string, to: string): Promise<Copied> {
  return withStore(from, async (source) => {
    const dump = await source.dump();
    return withStore(to, (store) => fill(store, dump));
  });
}

/** A backup's clients went on after it was made, by fewer revisions than this. */
const leap = 1e9;

/**
 * No revision that a client saw may come again with another meaning, and the store that the client
 * knew may have gone on after the dump, or be of another kind. So revisions go on from the time in
 * microseconds: no store makes a million commits a second, so none ever came to that.
 */
async function fill(store: CopyableStore, { entries, revision }: Dump): Promise<Copied> {
  const above = Math.max(Date.now() * 1000, revision + leap);
  return { entries: entries.length, revision: await store.fill(entries, above) };
}

function dumpOf(store: CopyableStore): Promise<Dump> {
  return store.dump();
}

async function withStore<T>(url: string, work: (store: CopyableStore) => Promise<T>): Promise<T> {
  const store = await openStore(url);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
