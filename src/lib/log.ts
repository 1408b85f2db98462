/** Events as JSON, one line each; where the lines go is the caller's. */

/** How much an event matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What happened, and to what. Fields that don't apply are absent. */
export interface LogEvent {
  readonly level: LogLevel;
  /** A constant to search for: `done`, `failed`. */
  readonly event: string;
  /** CNI's verb: `ADD`. */
  readonly verb?: string;
  /** Plugin's type: `bridge`. */
  readonly plugin?: string;
  readonly containerId?: string;
  readonly ifName?: string;
  readonly network?: string;
  readonly durationMs?: number;
  /** An error's message. */
  readonly error?: string;
  /** More, named by the event. */
  readonly [more: string]: unknown;
}

/** Takes an event. Never throws. */
export type Log = (event: LogEvent) => void;

/** Takes events and drops them. */
export const silentLog: Log = () => {};

export interface LogOptions {
  /** Gets each line, its newline included. */
  readonly write: (line: string) => void;
  /** Fields of every line. */
  readonly base?: Readonly<Record<string, unknown>>;
  readonly now?: () => Date;
  /** What matters less is left out; nothing is unless set. */
  readonly least?: LogLevel;
}

const weights: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Writes `{"ts": RFC 3339 in UTC, "level", "event", …}`. A line that can't be written is lost. */
export function jsonLog({ write, base = {}, ...options }: LogOptions): Log {
  const { now = () => new Date(), least = "debug" } = options;
  return ({ level, event, ...rest }) => {
    if (weights[level] < weights[least]) return;
    try {
      write(`${JSON.stringify({ ts: now().toISOString(), level, event, ...base, ...rest })}\n`);
    } catch {
      // What is logged matters more than its log: a full disk must not stop a container.
    }
  };
}
