/** Keeps a store's file from others' eyes: it holds hashes of tokens. */
import { chmodSync, closeSync, openSync, statSync } from "node:fs";
import { StoreUnavailableError } from "./store.ts";

const ownersAlone = 0o600;

/**
 * Makes the file where there is none, for its owner alone, and takes others' rights off one that
 * is there. SQLite gives its log and index the mode of the file, but leaves those that are there
 * as they are. Call it before SQLite opens the file. Throws StoreUnavailableError.
 */
export function makePrivate(path: string): void {
  try {
    makeAbsent(path);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) {
      const stat = statSync(file, { throwIfNoEntry: false });
      if (stat?.isFile() && (stat.mode & 0o077) !== 0) chmodSync(file, ownersAlone);
    }
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    const message = `Cannot open the store "${path}": it can't be made its owner's alone (${code})`;
    throw new StoreUnavailableError(message, { cause: error });
  }
}

function makeAbsent(path: string): void {
  try {
    closeSync(openSync(path, "wx", ownersAlone));
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}
