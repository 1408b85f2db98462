/**
 * Keeps apart calls that would undo each other's work: two for one attachment, and whoever removes
 * what attachments share from whoever is attaching. One file, of which an attachment locks a byte.
 */
import { closeSync, fstatSync, mkdirSync, openSync, removeSync } from "../kernel/sys/files.ts";
import { lockRange, SysError } from "../kernel/sys/libc.ts";
import { parentOf } from "../lib/path.ts";
import { attempt, StoreError } from "./host-local/error.ts";
import { sha256 } from "./names.ts";
import { type Paths, sharedRunDir } from "./paths.ts";

/** Another call has kept the lock for longer than any takes. `code` is `ETIMEDOUT`. */
export class BusyError extends Error {
  override readonly name = "BusyError";
  readonly code = "ETIMEDOUT";
}

const patienceMs = 60_000;
/** Between two calls of who hurries the holder: it may not have begun to wait at the first. */
const hurryMs = 500;

/** Which bytes of the file. */
interface Range {
  readonly start: number;
  /** 0: to the end, however long the file may be. */
  readonly length: number;
}

/** For as long as the result lives no other call changes the attachment with this id. */
export function lockAttachment(paths: Paths, id: string): Promise<Disposable> {
  return acquire(paths, rangeOf(id));
}

/** The same, but undefined where another call has it now. Throws StoreError. */
export function lockAttachmentIfFree(paths: Paths, id: string): Disposable | undefined {
  return tryAcquire(paths, rangeOf(id));
}

function rangeOf(id: string): Range {
  return { start: Number.parseInt(id.slice(0, 12), 16), length: 1 };
}

/** Attachments' bytes end where names' begin. */
const firstName = 2 ** 48;

/**
 * For as long as the result lives no other call, of any instance below one run directory, changes
 * what goes by one of these names: a link that attachments share. It is in the plugins' own file,
 * so not to be asked for by who holds all of that. Throws StoreError, BusyError.
 */
export async function lockNames(of: Paths, names: readonly string[]): Promise<Disposable> {
  const paths = { ...of, runDir: sharedRunDir(of) };
  const held = new DisposableStack();
  try {
    // All take them in one order, so nobody waits for who waits for him.
    for (const start of [...new Set(names.map(offsetOf))].sort((a, b) => a - b)) {
      held.use(await acquire(paths, { start: firstName + start, length: 1 }));
    }
    return held;
  } catch (error) {
    held.dispose();
    throw error;
  }
}

function offsetOf(name: string): number {
  return Number.parseInt(sha256(name).slice(0, 12), 16);
}

/**
 * The same for DEL, which goes on without a lock where none can be had: it must clean. While
 * another call has it `hurry` is called now and then, to end what that call waits for.
 */
export async function lockToDetach(
  paths: Paths,
  id: string,
  hurry?: () => Promise<void>,
): Promise<Disposable> {
  try {
    return await acquire(paths, rangeOf(id), hurry);
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
async function acquire(
  paths: Paths,
  range: Range,
  hurry?: () => Promise<void>,
): Promise<Disposable> {
  const started = performance.now();
  let hurried = Number.NEGATIVE_INFINITY;
  for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, 20)) {
    const lock = tryAcquire(paths, range);
    if (lock) return lock;
    if (performance.now() > started + patienceMs) {
      throw new BusyError(
        `Cannot lock "${fileOf(paths)}": another call has held it for ${patienceMs / 1000} s. ` +
          "End that call, or try again later",
      );
    }
    if (hurry && performance.now() > hurried + hurryMs) {
      hurried = performance.now();
      await hurry();
    }
    await Bun.sleep(pauseMs);
  }
}

function tryAcquire(paths: Paths, range: Range): Disposable | undefined {
  const path = fileOf(paths);
  const fd = attempt(`open "${path}"`, () => open(path));
  // A file that was removed meanwhile keeps out nobody who comes later.
  if (tryLock(fd, range) && fstatSync(fd).names > 0) {
    return { [Symbol.dispose]: () => closeSync(fd) };
  }
  closeSync(fd);
  return undefined;
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
