/** Writes the audit log. While it can't, nothing may be changed, and what happened is kept. */
import type { Log } from "../../lib/log.ts";
import type { Audit, Trail } from "../http/trail.ts";
import { auditLines } from "./audit.ts";
import { peerOf, RateLimit } from "./limits.ts";

/** Where whole lines go. Throws where they can't, and then none of them went. */
export type Sink = (lines: string) => void;

export interface AuditSettings {
  readonly sink: Sink;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Of lines that wait, in characters: more is lost. */
const mostWaiting = 1 << 20;
/** Told apart by peer and user. */
const mostPeers = 10_000;
const tooMany = 429;

export class AuditLog implements Audit {
  readonly #sink: Sink;
  readonly #log: Log;
  readonly #now: () => number;
  #waiting = "";
  #lost = 0;
  #trouble: string | undefined;
  /** Who asks too much must not fill the log with being refused. */
  readonly #refusals: RateLimit;
  /** By peer and user: as many refusals since the last line. */
  readonly #unsaid = new Map<string, number>();

  constructor({ sink, log, now = Date.now }: AuditSettings) {
    this.#sink = sink;
    this.#log = log;
    this.#now = now;
    this.#refusals = new RateLimit({ perSecond: 1, burst: 1 }, now);
  }

  record(trail: Trail, code: number): void {
    const more = code === tooMany ? this.#repeated(trail) : 0;
    if (more === undefined) return;
    const lines = auditLines(trail, code, new Date(this.#now()));
    if (lines.length === 0) return;
    if (this.#waiting.length > mostWaiting) {
      this.#lost += lines.length;
      return;
    }
    const told = more > 0 ? lines.map((line) => ({ ...line, repeated: more })) : lines;
    this.#waiting += told.map((line) => `${JSON.stringify(line)}\n`).join("");
    this.#write();
  }

  trouble(): string | undefined {
    if (this.#trouble !== undefined) this.#write();
    return this.#trouble;
  }

  /** As many went untold before; undefined: this one goes untold. */
  #repeated({ caller, identity }: Trail): number | undefined {
    const peer = caller.address === undefined ? "" : peerOf(caller.address);
    const who = `${peer} ${identity?.user ?? ""}`;
    const unsaid = this.#unsaid.get(who) ?? 0;
    this.#unsaid.delete(who);
    if (this.#refusals.take(who) === 0) return unsaid;
    this.#unsaid.set(who, unsaid + 1);
    if (this.#unsaid.size > mostPeers) this.#unsaid.delete(this.#unsaid.keys().next().value!);
    return undefined;
  }

  #write(): void {
    try {
      this.#sink(this.#waiting);
      this.#waiting = "";
      if (this.#trouble === undefined) return;
      this.#log({ level: "warn", event: "audit log written again", lost: this.#lost });
      this.#lost = 0;
      this.#trouble = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (this.#trouble === undefined) {
        this.#log({ level: "error", event: "audit log can't be written", error: message });
      }
      this.#trouble = message;
    }
  }
}
