/** The error for a reservation directory that cannot be read or written. */

import { meaningOf } from "../../kernel/sys/errno.ts";

/** A failed file operation. `code` and `syscall` are the system's: `ENOSPC`, `write`. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: string;
  readonly syscall: string;

  constructor(action: string, cause: NodeJS.ErrnoException) {
    super(`Cannot ${action}: ${meaningOf(cause.code, cause.message)}`, { cause });
    this.code = cause.code ?? "EIO";
    this.syscall = cause.syscall ?? "";
  }
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
