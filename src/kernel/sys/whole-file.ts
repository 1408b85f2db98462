/** Files that are replaced as a whole: who reads finds the old text or the new, never a part. */
import { parentOf } from "../../lib/path.ts";
import {
  closeSync,
  FileError,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  removeSync,
  renameSync,
  writeAllSync,
} from "./files.ts";

/** A write that was cut short leaves this behind the file's name. */
export const unfinished = ".new";

const isAbsent = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

/**
 * Makes or replaces a file that only root may read, and its folder where that is missing. `sync`
 * may see to it that the text is on disk before it gets its name. Throws FileError, and then the
 * file is as it was.
 */
export function replaceFile(path: string, text: string, sync?: (fd: number) => void): void {
  const temporary = `${path}${unfinished}`;
  const fd = openForWriting(temporary);
  try {
    try {
      writeAllSync(fd, text);
      sync?.(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    removeSync(temporary);
    // A write tells no path.
    const isNameless = error instanceof FileError && error.path === undefined;
    throw isNameless ? new FileError(error.syscall, -error.errno, path) : error;
  }
}

/** The folder is there but for the first time. */
function openForWriting(path: string): number {
  try {
    return openSync(path, "w", 0o600);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    mkdirSync(parentOf(path), 0o700);
    return openSync(path, "w", 0o600);
  }
}

/** A file's text; undefined where there is none. Throws FileError. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Names in a folder; none where there is no folder. Throws FileError. */
export function namesIfThere(path: string): string[] {
  try {
    return readdirSync(path).map(({ name }) => name);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
