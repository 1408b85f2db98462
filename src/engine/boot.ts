/** Which boot of the host this is: what the kernel held before it is gone. */
import { readFileSync } from "../kernel/sys/files.ts";

let known: string | undefined;

/** The kernel's random name for this boot. */
export function bootId(): string {
  known ??= readFileSync("/proc/sys/kernel/random/boot_id").trim();
  return known;
}
