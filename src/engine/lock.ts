/**
 * Keeps apart calls that would undo each other's work: two for one attachment, and whoever removes
 * what attachments share from whoever is attaching. One file, of which an attachment locks a byte.
 */
import { closeSync, fstatSync, mkdirSync, openSync, removeSync } from "../kernel/sys/files.ts";
import { lockRange, SysError } from "../kernel/sys/libc.ts";
import { parentOf } from "../lib/path.ts";
import { attempt, StoreError } from "./host-local/error.ts";
import type { Paths } from "./paths.ts";

/** Another call has kept the lock for longer than any takes. `code` is `ETIMEDOUT`. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  readonly code = "ETIMEDOUT";
}

const patienceMs = 60_000;

/** Which bytes of the file. */
interface Range {
  readonly start: number;
  /** 0: to the end, however long the file may be. */
  readonly length: number;
}

/** For as long as the result lives no other call changes the attachment with this id. */
export function lockAttachment(paths: Paths, id: string): Promise<Disposable> {
  return acquire(paths, { start: Number.parseInt(id.slice(0, 12), 16), length: 1 });
}

/** The same for DEL, which goes on without a lock where none can be had: it must clean. */
export async function lockToDetach(paths: Paths, id: string): Promise<Disposable> {
  try {
    return await lockAttachment(paths, id);
  } catch (error) {
    if (error instanceof StoreError) return { [Symbol.dispose]() {} };
    throw error;
  }
}

/** For as long as the result lives no call changes any attachment. */
export function lockAll(paths: Paths): Promise<Disposable> {
  return acquire(paths, { start: 0, length: 0 });
}

/** Removes the file, for who holds all of it. Who waits notices, and makes a new one. */
export function removeLock(paths: Paths): void {
  removeSync(fileOf(paths));
}

function fileOf({ runDir }: Paths): string {
  return `${runDir}/lock`;
}

/**
 * The kernel frees the lock when its holder dies. Waits without blocking, for the holder may be
 * another piece of work of this same process. Throws StoreError, BusyError.
 */
async function acquire(paths: Paths, range: Range): Promise<Disposable> {
  const path = fileOf(paths);
  const deadline = performance.now() + patienceMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 20)) {
    const fd = attempt(`open "${path}"`, () => open(path));
    // A file that was removed meanwhile keeps out nobody who comes later.
    if (tryLock(fd, range) && fstatSync(fd).names > 0) {
      return { [Symbol.dispose]: () => closeSync(fd) };
    }
    closeSync(fd);
    if (performance.now() > deadline) {
      throw new BusyError(
        `Cannot lock "${path}": another call has held it for ${patienceMs / 1000} s. ` +
          "End that call, or try again later",
      );
    }
    await Bun.sleep(pauseMs);
  }
}

function open(path: string): number {
  try {
    return openSync(path, "r+ or new", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    mkdirSync(parentOf(path), 0o755);
    return openSync(path, "r+ or new", 0o600);
  }
}

function tryLock(fd: number, { start, length }: Range): boolean {
  try {
    lockRange(fd, { start, length });
    return true;
  } catch (error) {
    if (error instanceof SysError && error.code === "EAGAIN") return false;
    throw error;
  }
}
