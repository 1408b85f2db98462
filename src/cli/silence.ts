/** Options about hosts that are not heard: of `netloom server` and `netloom up`. */
import { milliseconds } from "./duration.ts";
import { type CommandLine, single, UsageError } from "./options.ts";

const value = { takes: "value" } as const;

export const silenceSpecs = { "silent-after": value, "remove-silent-after": value } as const;

export const silenceHelp = `\
  --silent-after TIME   a host whose agent is not heard of for so long is not ready (40s)
  --remove-silent-after TIME
                        a host that is silent for so long is removed, and its addresses are given
                        to others: only where such a host is off for sure (never)`;

export interface Silence {
  readonly afterMs: number;
  /** Absent: never. */
  readonly removeAfterMs?: number;
}

const usualMs = 40_000;
/** Longer than a heartbeat of ten seconds. */
const leastMs = 15_000;

/** Throws UsageError. */
export function silenceOf(line: CommandLine<keyof typeof silenceSpecs>): {
  readonly silence?: Silence;
} {
  const after = single(line, "silent-after");
  const removal = single(line, "remove-silent-after");
  if (after === undefined && removal === undefined) return {};
  const afterMs = after === undefined ? usualMs : milliseconds(after);
  if (afterMs < leastMs) {
    throw new UsageError(
      `Option --silent-after needs at least 15s, not "${after}": agents tell of themselves every 10s`,
    );
  }
  if (removal === undefined) return { silence: { afterMs } };
  const removeAfterMs = milliseconds(removal);
  if (removeAfterMs === 0) {
    throw new UsageError("Option --remove-silent-after needs a time: leave it out for never");
  }
  return { silence: { afterMs, removeAfterMs } };
}
