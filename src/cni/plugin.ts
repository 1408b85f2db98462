/** What a CNI plugin is to the code that speaks the protocol. */
import type { Log } from "../lib/log.ts";
import type { CniArgs } from "./env.ts";
import type { AttachmentId, NetConf, Result, SpecVersion } from "./types.ts";

/** One call of a plugin, checked. */
export interface Call {
  /** Empty for GC and STATUS, as are `ifName` and `netns`. */
  readonly containerId: string;
  readonly ifName: string;
  /**
   * Path of the container's namespace, which exists and is not ours. Absent for DEL when the
   * runtime names none or the one it names is gone.
   */
  readonly netns?: string;
  readonly args: CniArgs;
  /** Folders of CNI_PATH. */
  readonly path: readonly string[];
  readonly conf: NetConf;
  /** The configuration's text: reading it loses what stands in it twice. */
  readonly text: string;
  /** In the shape of 1.1.0. Always there for CHECK. A wrong one is taken as absent by DEL. */
  readonly prevResult?: Result;
  readonly runtimeConfig: Readonly<Record<string, unknown>>;
  readonly cniVersion: SpecVersion;
  /** For what is worth telling beside success and failure, which are logged anyway. */
  readonly log: Log;
  /** Tells the operator, in the log and on standard error, of what is no error. */
  readonly warn: (message: string) => void;
}

type Awaitable<T> = T | Promise<T>;

/** A plugin: its verbs. Each throws to refuse; `errors.ts` makes a CNI error of that. */
export interface Plugin {
  /** The name it is called by: `bridge`. */
  readonly type: string;
  /** Makes the attachment whole and gives the result; undoes its own work when it throws. */
  add(call: Call): Awaitable<Result>;
  /** Removes the attachment; succeeds when there is none. */
  del(call: Call): Awaitable<void>;
  /** Throws unless the attachment is as `prevResult` says. */
  check(call: Call): Awaitable<void>;
  /** Removes every attachment of the network that `valid` does not name. */
  gc(call: Call, valid: readonly AttachmentId[]): Awaitable<void>;
  /** Throws unless ADD can be served. */
  status(call: Call): Awaitable<void>;
}
