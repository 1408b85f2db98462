/** Opens the log that NETLOOM_LOG asks for. */
import { openSync, writeSync } from "../kernel/sys/files.ts";
import { jsonLog, type Log, silentLog } from "../lib/log.ts";

const stderr = 2;

/**
 * `stderr`, or a path to append to (made with mode 0600); unset or empty: nothing is logged.
 * TRACEPARENT (W3C Trace Context), if set, is in every line. A file that can't be opened is said
 * on standard error, and the call goes on without a log.
 */
export function openLog(env: Readonly<Record<string, string | undefined>>): Log {
  const target = env.NETLOOM_LOG;
  if (!target) return silentLog;
  const fd = target === "stderr" ? stderr : openFile(target);
  if (fd === undefined) return silentLog;
  const traceparent = env.TRACEPARENT;
  return jsonLog({
    // One write a line: appended lines of processes side by side don't mix.
    write: (line) => writeSync(fd, line),
    base: { pid: process.pid, ...(traceparent && { traceparent }) },
  });
}

function openFile(path: string): number | undefined {
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    writeSync(stderr, `netloom: cannot open the log that NETLOOM_LOG names: ${error}\n`);
    return undefined;
  }
}
