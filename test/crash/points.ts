/** Where a plugin talks to the kernel or the disk, and how to kill it there. */
import type { PluginCall } from "../host/attachment.ts";
import type { Finished, PrivateHost } from "../host/private-host.ts";

/** The `nth` time (from 1) that the plugin enters this system call. */
export interface Point {
  readonly call: string;
  readonly nth: number;
  /** The call as strace wrote it, for people. */
  readonly text: string;
}

/** What changes something outside the process, or waits for it. */
const changing = [
  ...["sendto", "sendmsg", "bind", "setns", "unshare", "mount", "umount2"],
  ...["write", "writev", "pwrite64", "ftruncate", "fsync", "fdatasync", "flock", "openat"],
  ...["rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"],
  ...["unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod"],
] as const;

/** What asks. Between two changes all places to die are alike, so they count only where few do. */
const asking = ["recvfrom", "recvmsg"] as const;

/** All changes, or what the kernel answers to too. */
export type PointKind = "changes" | "all";

const traceFile = "/run/nlcrash.trace";

/** Runs the call to its end, and gives its answer and the points that its main thread passes. */
export async function trace(
  host: PrivateHost,
  call: PluginCall,
  kind: PointKind = "changes",
): Promise<{ finished: Finished; points: Point[] }> {
  const calls = kind === "all" ? [...changing, ...asking] : changing;
  const options = ["-f", "-qq", "-s", "48", "-o", traceFile, "-e", `trace=${calls.join(",")}`];
  const finished = await host.attempt(["strace", ...options, ...call.command], call);
  const text = await host.run(["sh", "-c", `cat ${traceFile} && rm ${traceFile}`]);
  return { finished, points: pointsOf(text) };
}

/** Points of the first thread in what `strace -f -o` wrote. Opening for reading is none. */
export function pointsOf(trace: string): Point[] {
  const lines = trace.split("\n");
  const main = lines[0]?.split(" ")[0];
  const seen = new Map<string, number>();
  return lines.flatMap((line) => {
    const [, thread, text = "", call = ""] = /^(\d+) +((\w+)\(.*)/.exec(line) ?? [];
    if (thread !== main || call === "") return [];
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    if (call === "openat" && !/O_(CREAT|WRONLY|RDWR)/.test(text)) return [];
    return [{ call, nth, text }];
  });
}

/** Runs the call, and kills it as it enters the system call at `point`. */
export function runUntil(host: PrivateHost, call: PluginCall, point: Point): Promise<Finished> {
  const inject = `inject=${point.call}:signal=SIGKILL:when=${point.nth}`;
  const options = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${point.call}`, "-e", inject];
  return host.attempt(["strace", ...options, ...call.command], call);
}

/** Whether it was killed; else it had ended before it came there. */
export const wasKilled = ({ exitCode }: Finished) => exitCode === 128 + 9;
