/** Makes new files survive a crash of the host, away from the main thread. */
import { closeSync, constants, fsync, openSync } from "node:fs";
import { StoreError } from "./error.ts";

const openDirectory = (path: string) => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);

/**
 * Starts writing the open files, then the directories that name them, to the disk; closes the
 * files. Never throws; rejects with StoreError. The promise may be dropped.
 */
export function startSync(files: readonly number[], directories: readonly string[]): Promise<void> {
  const done = syncAll(files, directories);
  done.catch(() => {}); // A caller that fails before it waits does not die of this.
  return done;
}

async function syncAll(files: readonly number[], directories: readonly string[]): Promise<void> {
  const fds = [...files];
  try {
    for (const path of directories) fds.push(openDirectory(path));
    for (const fd of fds) await sync(fd);
  } catch (cause) {
    throw new StoreError("write reservations to the disk", cause as NodeJS.ErrnoException);
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

const sync = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fsync(fd, (error) => (error ? reject(error) : resolve()));
  });
