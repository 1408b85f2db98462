/** What a request leaves behind for the audit log. */
import type { Affected, Attributes, Caller, Identity } from "./access.ts";

/** Grows while the request is served. */
export interface Trail {
  readonly caller: Caller;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Absent: it was refused before we knew who calls. */
  identity?: Identity;
  /** Absent: it is about no objects. */
  asked?: Attributes;
  dryRun?: boolean;
  /** What changes, by UID, as of the last try. Under the empty text what is made. */
  readonly affected: Map<string, Affected>;
}

/** Where trails go. Neither throws. */
export interface Audit {
  /** Takes the trail of a request that was answered with this code of HTTP. */
  record(trail: Trail, code: number): void;
  /** Why nothing can be recorded now; undefined: it can. */
  trouble(): string | undefined;
}
