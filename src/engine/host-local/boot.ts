/** Tells whether this host was started since a reservation directory was last used. */

import { mkdirSync, readFileSync, writeFileSync } from "../../kernel/sys/files.ts";
import { parentOf } from "../../lib/path.ts";
import { attempt, unlessAbsent } from "./error.ts";

/** What the first user of a directory since boot wrote. */
export interface BootMarker {
  /** Random. */
  readonly token: string;
  /** The directory. */
  readonly directory: string;
}

/**
 * The marker; undefined if nobody wrote one since boot. `path` must lie on a file system that a
 * boot empties. Throws StoreError.
 */
export function readBootMarker(path: string): BootMarker | undefined {
  const text = attempt(`read "${path}"`, () => unlessAbsent(() => readFileSync(path)));
  const [, token, directory] = /^([0-9a-f]{32}) (.+)\n$/s.exec(text ?? "") ?? [];
  return token !== undefined && directory !== undefined ? { token, directory } : undefined;
}

/** Writes a new marker and gives its token. Throws StoreError. */
export function writeBootMarker(path: string, directory: string): string {
  const token = crypto.randomUUID().replaceAll("-", "");
  attempt(`write "${path}"`, () => {
    mkdirSync(parentOf(path), 0o700);
    writeFileSync(path, `${token} ${directory}\n`, 0o600);
  });
  return token;
}

/**
 * A moment not after the first write of this boot, in milliseconds since 1970. The kernel's boot
 * time moves when the clock is set; the age of the run directory's memory file system does not.
 * The earlier of both is taken, so that a clock that was set late frees no address in use.
 */
export function bootTimeMs(runDir: string): number {
  const seconds = /^btime (\d+)$/m.exec(readFileSync("/proc/stat"))?.[1];
  if (seconds === undefined) return 0;
  return Math.min(Number(seconds) * 1000, mountedAtMs(runDir) ?? Number.POSITIVE_INFINITY);
}

const tmpfsMagic = 0x01021994; // uapi/linux/magic.h

/** When the memory file system of `path` was mounted, if it is one and tells. */
function mountedAtMs(path: string): number | undefined {
  const { statfsSync, statSync } = process.getBuiltinModule("node:fs");
  try {
    if (statfsSync(path).type !== tmpfsMagic) return undefined;
    let root = path;
    while (root !== "/" && statSync(parentOf(root)).dev === statSync(path).dev)
      root = parentOf(root);
    return statSync(root).birthtimeMs || undefined;
  } catch {
    return undefined;
  }
}
