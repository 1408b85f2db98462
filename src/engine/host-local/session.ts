/** A look at a reservation directory under its lock, with an index that is true of it. */
import { closeSync, openSync } from "../../kernel/sys/files.ts";
import { AddressIndex, type IndexKey } from "./address-index.ts";
import { bootTimeMs, readBootMarker, writeBootMarker } from "./boot.ts";
import { CorruptPageError } from "./hash-pages.ts";
import { withLock } from "./lock.ts";
import type { ReservationDirectory } from "./reservation-directory.ts";

/** The files of one network's store. */
export interface StoreFiles {
  readonly directory: ReservationDirectory;
  /** Path of the saved index. */
  readonly index: string;
  /** Path of the file that says that the store was used since boot. */
  readonly marker: string;
  readonly runDir: string;
  /** For tests: the boot's moment in milliseconds since 1970. */
  readonly bootTimeMs?: number | undefined;
}

export interface Session {
  readonly directory: ReservationDirectory;
  readonly index: AddressIndex;
}

/** The index says what the directory does not. */
export class StaleIndexError extends Error {
  override readonly name = "StaleIndexError";
}

/**
 * Runs `work` under the lock. If it throws StaleIndexError the index is built anew and the work
 * done again, so `work` undoes what it did when it throws. With `mustMark` a missing boot marker
 * that cannot be written is an error; else there is just no saved index.
 */
export function inSession<T>(
  files: StoreFiles,
  { mustMark }: { readonly mustMark: boolean },
  work: (session: Session) => T,
): T {
  const { directory } = files;
  return withLock(directory.path, () => {
    directory.sweep();
    const directoryFd = openSync(directory.path, "r");
    try {
      const token = bootToken(files, mustMark);
      const key = token === undefined ? undefined : { file: files.index, directoryFd, token };
      return withIndex(directory, key, work);
    } finally {
      closeSync(directoryFd);
    }
  });
}

function withIndex<T>(
  directory: ReservationDirectory,
  key: IndexKey | undefined,
  work: (session: Session) => T,
): T {
  const saved = key && AddressIndex.open(key);
  try {
    if (saved) return saving({ directory, index: saved }, key, work);
  } catch (error) {
    if (!provesStale(error)) throw error;
  } finally {
    saved?.close();
  }
  return saving({ directory, index: AddressIndex.build(directory.reservations()) }, key, work);
}

/** Saves also after a failure, which may have changed the directory, but no index proved wrong. */
function saving<T>(session: Session, key: IndexKey | undefined, work: (session: Session) => T): T {
  let isTrue = true;
  try {
    return work(session);
  } catch (error) {
    isTrue = !provesStale(error);
    throw error;
  } finally {
    if (key && isTrue) session.index.save(key, session.directory.path);
  }
}

/** Whether the error says that the index has to be built anew. */
export const provesStale = (error: unknown): boolean =>
  error instanceof StaleIndexError || error instanceof CorruptPageError;

/**
 * The token of this boot. At the first use since boot, reservations older than the boot are
 * freed: their containers cannot have survived. Without it no index is read or written.
 */
function bootToken(files: StoreFiles, mustMark: boolean): string | undefined {
  const { directory, marker } = files;
  try {
    const token = readBootMarker(marker)?.token;
    if (token !== undefined) return token;
    const boot = files.bootTimeMs ?? bootTimeMs(files.runDir);
    for (const ip of directory.addresses()) {
      const written = directory.writtenAt(ip);
      if (written !== undefined && written < boot) directory.remove(ip);
    }
    return writeBootMarker(marker, directory.path);
  } catch (error) {
    if (mustMark) throw error;
    return undefined;
  }
}
