/** What `netloom store` does: copies of stores, and what is refused before they begin. */
import { existsSync } from "../kernel/sys/files.ts";
import { leaderKey } from "./reconcile/leader.ts";
import { backup, type Copied, migrate, restore } from "./store/migrate.ts";
import { openStore, parseStoreUrl, usualStoreUrl } from "./store/open.ts";
import { StoreInUseError } from "./store/store.ts";

/** There is no such store. */
export class NoStoreError extends Error {
  override readonly name = "NoStoreError";
}

export type StoreCopy =
  /** The usual store of `stateDir` unless named. */
  | { readonly verb: "backup"; readonly file: string; readonly store?: string }
  | { readonly verb: "restore"; readonly file: string; readonly store: string }
  | { readonly verb: "migrate"; readonly from: string; readonly to: string };

/**
 * Throws StoreUrlError, StoreUnavailableError, FileError, BackupError, StoreInUseError,
 * NoStoreError.
 */
export async function copyStore(copy: StoreCopy, stateDir: string): Promise<Copied> {
  if (copy.verb === "backup") {
    const store = copy.store ?? usualStoreUrl(stateDir);
    refuseAbsent(store);
    return backup(store, copy.file);
  }
  if (copy.verb === "restore") {
    await refuseServed(copy.store);
    return filling(copy.store, () => restore(copy.file, copy.store));
  }
  const { from, to } = copy;
  refuseAbsent(from);
  await refuseServed(from);
  await refuseServed(to);
  return filling(to, () => migrate(from, to));
}

/** Opening a file that is not there would make an empty store of it. */
function refuseAbsent(url: string): void {
  const place = parseStoreUrl(url);
  if (place.kind !== "sqlite" || existsSync(place.path)) return;
  throw new NoStoreError(
    `Cannot read the store "${place.path}": there is no such file. Name the store of your server ` +
      "(its --store)",
  );
}

/** What a server writes after the copy was read would be lost. SQLite's file is locked instead. */
async function refuseServed(url: string): Promise<void> {
  if (parseStoreUrl(url).kind === "sqlite") return;
  const store = await openStore(url);
  try {
    if ((await store.get(leaderKey)) === undefined) return;
  } finally {
    await store.close();
  }
  throw new StoreInUseError(
    `Cannot copy the store in etcd: a server uses it, or was killed less than 5 s ago ` +
      `("${leaderKey}" is there). Stop all servers of this store, and try again`,
  );
}

async function filling(url: string, work: () => Promise<Copied>): Promise<Copied> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const place = parseStoreUrl(url);
    const remedy =
      place.kind === "sqlite"
        ? `move "${place.path}" away, with its -wal and -shm, or name another file`
        : 'empty it ("etcdctl del --prefix /netloom/"), or name another etcd';
    throw new StoreInUseError(`${error.message}: ${remedy}`, { cause: error });
  }
}
