/** The lock of a reservation directory, shared with the reference plugin: flock on its `lock`. */
import { closeSync, fstatSync, openSync, statSync } from "../../kernel/sys/files.ts";
import { flock, SysError } from "../../kernel/sys/libc.ts";
import { attempt } from "./error.ts";

/**
 * Runs `work` while holding the lock. The kernel frees it when the holder dies, so what a crash
 * left in the file or beside it never blocks. Waits for other holders.
 */
export function withLock<T>(directory: string, work: () => T): T {
  const fd = acquire(`${directory}/lock`);
  try {
    return work();
  } finally {
    closeSync(fd);
  }
}

function acquire(path: string): number {
  for (;;) {
    const fd = attempt(`open "${path}"`, () => openSync(path, "r or new", 0o640));
    wait(fd);
    // Whoever emptied the directory took the file that we waited on with him: lock the new one.
    if (statSync(path)?.identity === fstatSync(fd).identity) return fd;
    closeSync(fd);
  }
}

function wait(fd: number): void {
  for (;;) {
    try {
      flock(fd, "exclusive");
      return;
    } catch (error) {
      if (!(error instanceof SysError && error.code === "EINTR")) throw error;
    }
  }
}
