/** Links as kernel objects: a type a kind. */
import type { Placed } from "./kernel-object.ts";

/** Settings that a link has as a port of a bridge. Absent fields keep the kernel's default. */
export interface BridgePort {
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  readonly learning?: boolean;
  readonly unicastFlood?: boolean;
  readonly multicastFlood?: boolean;
  readonly broadcastFlood?: boolean;
  /** The bridge answers who asks for a neighbour that it knows, and asks nobody behind the link. */
  readonly neighSuppress?: boolean;
}

/** VLANs of a bridge port, as `bridge vlan` shows them. */
export interface BridgeVlan {
  readonly vid: number;
  /** Last of a range, inclusive; absent for one VLAN. */
  readonly vidEnd?: number;
  readonly pvid?: boolean;
  readonly untagged?: boolean;
}

/** Attributes of every link. */
interface LinkBase extends Placed {
  readonly kind: "link";
  /** At most 15 bytes. */
  readonly name: string;
  /** Lower case, colon separated. Absent: the kernel chooses. */
  readonly mac?: string;
  /** Bytes. Absent: the kernel chooses. */
  readonly mtu?: number;
  readonly up: boolean;
  readonly promisc?: boolean;
  /** It neither asks for neighbours nor answers who asks. */
  readonly noarp?: boolean;
  /** Name of the master link, in the same namespace. */
  readonly master?: string;
  /** At most 255 bytes; `netloom:<instance>:<attachment hash>` on what we own. */
  readonly alias?: string;
  readonly bridgePort?: BridgePort;
  readonly vlans?: readonly BridgeVlan[];
}

/** A bridge. Its VLAN filtering has values only where the kernel can do it. */
export interface BridgeLink extends LinkBase {
  readonly type: "bridge";
  readonly vlanFiltering?: boolean;
  /** False: the bridge gives its ports no default VLAN 1. */
  readonly defaultPvid?: boolean;
}

/** A veth pair: the host's end, and in `peer` the container's. One object: both die together. */
export interface VethLink extends LinkBase {
  readonly type: "veth";
  readonly peer: {
    readonly netns: string;
    readonly name: string;
    readonly mac?: string;
    readonly mtu?: number;
    readonly up: boolean;
  };
}

/** Where a link is. */
export interface LinkPlace {
  readonly netns: string;
  readonly name: string;
}

/**
 * A link on a parent, born in its own namespace, which may be another than its parent's. Each
 * kind's settings are in the field of its name, as `kernel/netlink/` writes them.
 */
export interface ChildLink extends LinkBase {
  readonly type: "macvlan" | "ipvlan" | "vlan";
  readonly parent: LinkPlace;
  readonly macvlan?: {
    readonly mode: "private" | "vepa" | "bridge" | "passthru" | "source";
    /** Hardware addresses that `source` lets in. */
    readonly allowedMacs?: readonly string[];
    readonly bcQueueLength?: number;
  };
  readonly ipvlan?: {
    readonly mode: "l2" | "l3" | "l3s";
    readonly flag?: "bridge" | "private" | "vepa";
  };
  readonly vlan?: { readonly id: number };
}

/** A link that stands alone: traffic ends in it, or is routed and shaped by it. */
export interface LoneLink extends LinkBase {
  readonly type: "dummy" | "ifb" | "vrf";
  /** The table that routes what comes from the links enslaved to it. */
  readonly vrf?: { readonly table: number };
}

/** A link whose other end is a program that opens it: a tap. */
export interface TunLink extends LinkBase {
  readonly type: "tun";
  readonly tun: {
    readonly type: "tap";
    /** User and group that may open it; absent: whoever administers the network. */
    readonly owner?: number;
    readonly group?: number;
    /** Several openers at once, each with a queue. */
    readonly multiQueue: boolean;
  };
}

/** A link that wraps frames into UDP packets from host to host (RFC 7348). */
export interface VxlanLink extends LinkBase {
  readonly type: "vxlan";
  /** The namespace whose links the packets go out of and come in by. */
  readonly underlay: string;
  readonly vxlan: {
    /** VXLAN network identifier. */
    readonly id: number;
    /** Source address of the packets; its family is theirs. */
    readonly local: string;
    /** UDP port. */
    readonly port: number;
    /** 0: as the host's own packets. */
    readonly ttl: number;
    /** 0 to 63, or that of the packet inside. */
    readonly dscp: number | "inherit";
  };
}

/** A link that exists already and is only configured: `lo`, or one that another program made. */
export interface ExistingLink extends LinkBase {
  readonly type: "existing";
}

export type LinkObject =
  | BridgeLink
  | VethLink
  | ChildLink
  | LoneLink
  | TunLink
  | VxlanLink
  | ExistingLink;
