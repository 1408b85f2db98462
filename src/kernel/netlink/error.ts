/** The error of a refused netlink request. */
import { errnoName } from "../sys/errno.ts";

/** What the kernel said of one request. `extack` is its own explanation, often absent. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  /** What was asked: `create link "eth0"`. */
  readonly op: string;
  readonly errno: number;
  /** The errno's name: `EEXIST`. */
  readonly code: string;
  readonly extack: string | undefined;
  /** Byte offset in the request of the attribute that the kernel complains of. */
  readonly offset: number | undefined;

  constructor(op: string, errno: number, details: { extack?: string; offset?: number } = {}) {
    const code = errnoName(errno);
    super(`Cannot ${op}: ${details.extack ? `${details.extack} (${code})` : code}`);
    this.op = op;
    this.errno = errno;
    this.code = code;
    this.extack = details.extack;
    this.offset = details.offset;
  }
}
