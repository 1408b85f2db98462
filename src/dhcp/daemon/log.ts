/** The daemon's log: standard error, or a file that does not grow without end. */
import { closeSync, openSync, renameSync, writeSync } from "../../kernel/sys/files.ts";
import { jsonLog, type Log } from "../../lib/log.ts";

const stderr = 2;

export function standardLog(): Log {
  return jsonLog({ write: (line) => writeSync(stderr, line), base: { pid: process.pid } });
}

const largestBytes = 1 << 20;

/** Appends to a file (0600); when that is full it becomes `<path>.old`, and a new one begins. */
export function fileLog(path: string): Log {
  let fd: number | undefined;
  // How much it held before us is not worth a look: a little more does no harm.
  let written = 0;
  const write = (line: string) => {
    if (fd !== undefined && written > largestBytes) {
      closeSync(fd);
      renameSync(path, `${path}.old`);
      fd = undefined;
      written = 0;
    }
    fd ??= openSync(path, "a", 0o600);
    written += writeSync(fd, line);
  };
  return jsonLog({ write, base: { pid: process.pid } });
}
