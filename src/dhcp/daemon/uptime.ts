/** Time since the host's boot, which a lease's times are counted in: no hand sets that clock. */
import { readFileSync } from "../../kernel/sys/files.ts";

/** Milliseconds, suspension included, to a hundredth of a second. */
export function sinceBoot(): number {
  return Math.round(Number.parseFloat(readFileSync("/proc/uptime")) * 1000);
}

/** The kernel's random name for this boot. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/** At least 0, below 1, by the kernel's generator: transaction numbers must not be guessed. */
export function random(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32;
}
