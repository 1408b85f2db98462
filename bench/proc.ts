/** What the kernel tells of other processes. */
import { readFileSync } from "node:fs";

/** Processor time of a process. Source: proc(5), fields 14, 15 of stat, in 1/100 of a second. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** `VmRSS`, `VmHWM`: what a process holds now, and held at most. */
export function statusMiB(pid: number, name: string): number {
  const [, kiB] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  )!;
  return Number(kiB) / 1024;
}

const restMs = 1000;

/** Waits until a process does next to nothing for a second; since when, and its time so far. */
export async function restOf(pid: number): Promise<{ sinceMs: number; cpuMs: number }> {
  for (let used = cpuMs(pid); ; ) {
    const sinceMs = performance.now();
    await Bun.sleep(restMs);
    const now = cpuMs(pid);
    if (now - used < restMs / 20) return { sinceMs, cpuMs: now };
    used = now;
  }
}
