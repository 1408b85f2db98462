/** The link that packets leave to a tunnel's process by, and come from it. Pure. */
import type { Family } from "../../lib/ip.ts";

/** In the host's own namespace, for all networks over an underlay of one family. */
export interface TunDevice {
  readonly kind: "device";
  readonly type: "tun";
  readonly name: string;
  /** Bytes. */
  readonly mtu: number;
}

/** One a family of the underlay: they differ in their MTU. */
export const tunName = (underlay: Family): string => `nlu-ipv${underlay}`;
