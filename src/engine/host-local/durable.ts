/** Makes new files survive a crash of the host, away from the main thread. */
import { closeSync, constants, fsync, openSync } from "node:fs";
import { StoreError } from "./error.ts";

const openDirectory = (path: string) => openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);

/**
 * Starts writing the open files, then the directories that name them, to the disk; closes the
 * files. Rejects with StoreError. The promise may be dropped.
 */
export function startSync(files: readonly number[], directories: readonly string[]): Promise<void> {
  const fds = [...files, ...directories.map(openDirectory)];
  const done = syncInTurn(fds).finally(() => {
    for (const fd of fds) closeSync(fd);
  });
  done.catch(() => {}); // A caller that fails before it waits does not die of this.
  return done;
}

async function syncInTurn(fds: readonly number[]): Promise<void> {
  for (const fd of fds) {
    await new Promise<void>((resolve, reject) => {
      fsync(fd, (error) =>
        error ? reject(new StoreError("write reservations to the disk", error)) : resolve(),
      );
    });
  }
}
