/** Makes new files survive a crash of the host, away from the main thread. */
import { closeSync, fsync, openSync } from "node:fs";
import { StoreError, unlessAbsent } from "./error.ts";

/**
 * Starts writing files, then the directories that name them, to the disk, in the order given.
 * What is gone by then is passed over. Never throws; rejects with StoreError. The promise may be
 * dropped.
 */
export function startSync(paths: readonly string[]): Promise<void> {
  const done = syncAll(paths);
  done.catch(() => {}); // A caller that fails before it waits does not die of this.
  return done;
}

async function syncAll(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    try {
      await sync(path);
    } catch (cause) {
      throw new StoreError(`write "${path}" to the disk`, cause as NodeJS.ErrnoException);
    }
  }
}

async function sync(path: string): Promise<void> {
  const fd = unlessAbsent(() => openSync(path, "r"));
  if (fd === undefined) return;
  try {
    await new Promise<void>((resolve, reject) => {
      fsync(fd, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    closeSync(fd);
  }
}
