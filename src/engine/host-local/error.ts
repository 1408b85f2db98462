/** The error for a reservation directory that cannot be read or written. */

/** A failed file operation. `code` and `syscall` are the system's: `ENOSPC`, `write`. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: string;
  readonly syscall: string;

  constructor(action: string, cause: NodeJS.ErrnoException) {
    super(`Cannot ${action}: ${reason(cause)}`, { cause });
    this.code = cause.code ?? "EIO";
    this.syscall = cause.syscall ?? "";
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: free some space",
  EDQUOT: "the disk quota is used up: free some space",
  EROFS: "the file system is read-only: mount it writable, or use another directory",
  EACCES: "permission denied: run as root",
  EPERM: "permission denied: run as root",
  ENOTDIR: "a file stands where a directory must be: move it away",
  EISDIR: "a directory stands where a file must be: move it away",
  EMFILE: "too many open files",
  ENFILE: "too many open files on this host",
  EIO: "the disk fails",
};

function reason(cause: NodeJS.ErrnoException): string {
  const known = reasons[cause.code ?? ""];
  return known ? `${known} (${cause.code})` : cause.message;
}

/** Runs `work`; a failed system call becomes a StoreError that says what could not be done. */
export function attempt<T>(action: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && "code" in error && !(error instanceof StoreError)) {
      throw new StoreError(action, error as NodeJS.ErrnoException);
    }
    throw error;
  }
}

/** Runs `work`; undefined if a file or directory on its way is absent. */
export function unlessAbsent<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
