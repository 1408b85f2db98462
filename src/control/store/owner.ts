/** One process owns a store's file: by a lock beside it, which the kernel frees when it dies. */
import { closeSync, FileError, openSync } from "../../kernel/sys/files.ts";
import { flock, SysError } from "../../kernel/sys/libc.ts";
import { StoreInUseError, StoreUnavailableError } from "./store.ts";

/**
 * Holds the file until disposed of. The lock is a file of its own: closing any descriptor of the
 * database would free SQLite's locks on it. Throws StoreInUseError, StoreUnavailableError.
 */
export function ownFile(path: string): Disposable {
  const lock = `${path}.lock`;
  try {
    const fd = openSync(lock, "r+ or new", 0o600);
    try {
      flock(fd, "tryExclusive");
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return { [Symbol.dispose]: () => closeSync(fd) };
  } catch (error) {
    const what = `Cannot open the store "${path}"`;
    if (error instanceof SysError && error.code === "EAGAIN") {
      const why = `another process has it ("${lock}" is locked). End that one, or ask it by its API`;
      throw new StoreInUseError(`${what}: ${why}`, { cause: error });
    }
    if (!(error instanceof FileError)) throw error;
    throw new StoreUnavailableError(`${what}: "${lock}" can't be made (${error.code})`, {
      cause: error,
    });
  }
}
