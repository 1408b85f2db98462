/** Signals that ask us to end, held back until what was begun is finished or undone. */
import { constants } from "node:os";
import { isatty } from "node:tty";

const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Ending = (typeof endingSignals)[number];

/** What came since `watchSignals`. */
export interface Watch {
  /** The first signal that asked us to end. */
  readonly ended: Ending | undefined;
  /** Is told of each signal, and whether a terminal has sent it to our children too. */
  forward: ((signal: Ending, typed: boolean) => void) | undefined;
  stop(): void;
}

/** Keeps SIGINT, SIGTERM and SIGHUP from ending us, until `stop`. */
export function watchSignals(): Watch {
  let ended: Ending | undefined;
  const atTerminal = isatty(0);
  const watch: Watch = {
    get ended() {
      return ended;
    },
    forward: undefined,
    stop() {
      for (const { signal, handler } of handlers) process.off(signal, handler);
    },
  };
  const handlers = endingSignals.map((signal) => {
    const handler = () => {
      ended ??= signal;
      watch.forward?.(signal, atTerminal && signal === "SIGINT");
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return watch;
}

/** The exit status of what a signal ended, as shells have it. */
export function statusOf(signal: string | number): number {
  const number = typeof signal === "number" ? signal : constants.signals[signal as Ending];
  return 128 + (number ?? 0);
}
