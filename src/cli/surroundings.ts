/** What commands need of the machine they run on; tests put their own in its place. */
import type { Fetch } from "../api/client/endpoints.ts";
import type { PortAttachment } from "./commands/port-attachment.ts";
import type { StoreCopied, StoreCopying } from "./commands/store-copying.ts";
import type { Terminal } from "./terminal.ts";

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly fetch: Fetch;
  readonly readStdin: () => Promise<string>;
  /** Of this executable. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Attaches a namespace of this host to a port, or detaches it. */
  readonly attachPort: (attachment: PortAttachment) => Promise<number>;
  /** Copies a store as a whole. Throws errors that exit.ts knows by name. */
  readonly copyStore: (copying: StoreCopying) => Promise<StoreCopied>;
}
