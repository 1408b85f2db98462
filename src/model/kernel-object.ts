/** What Linux holds for us: one type for what should exist and for what was observed. */

/** The namespace that the process itself is in; any other is named by its path. */
export const hostNetns = "host";

/**
 * `exclusive` objects belong to one scope and go with it. `shared` objects are ensured by every
 * user and removed only once no user is observed, and only if Netloom made them.
 */
export type Life = "exclusive" | "shared";

interface Placed {
  /** `hostNetns`, or the path of a namespace (`/var/run/netns/blue`). */
  readonly netns: string;
  /** The network (`net:<name>`) or attachment (`att:<16 hex digits>`) that owns it. */
  readonly scope: string;
  readonly life: Life;
}

/** Settings that a link has as a port of a bridge. Absent fields keep the kernel's default. */
export interface BridgePort {
  readonly hairpin?: boolean;
  readonly isolated?: boolean;
  readonly learning?: boolean;
  readonly unicastFlood?: boolean;
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

/** A link that exists already and is only configured: `lo`, or one that another program made. */
export interface ExistingLink extends LinkBase {
  readonly type: "existing";
}

export type LinkObject = BridgeLink | VethLink | ExistingLink;

/** An address on a link. */
export interface AddressObject extends Placed {
  readonly kind: "address";
  readonly link: string;
  /** Address and prefix length: `10.1.0.1/24`. */
  readonly address: string;
  /** False: no duplicate address detection (IPv6). */
  readonly dad?: boolean;
  /** False: the kernel adds no route for the address's subnet. */
  readonly prefixRoute?: boolean;
}

/** A unicast route. Its key is destination, table, priority. */
export interface RouteObject extends Placed {
  readonly kind: "route";
  /** `0.0.0.0/0` and `::/0` are the default routes. */
  readonly dst: string;
  readonly link: string;
  readonly gateway?: string;
  /** The gateway is reachable on the link although no address covers it. */
  readonly onlink?: boolean;
  /** Preferred source address. */
  readonly source?: string;
  /** Absent: 254, the main table. */
  readonly table?: number;
  readonly priority?: number;
  readonly mtu?: number;
  readonly advmss?: number;
  /** 0 global, 253 link, 254 host. Absent: link without gateway, else global. */
  readonly scopeId?: number;
}

/** A value below /proc/sys, as text without its newline. */
export interface SysctlObject extends Placed {
  readonly kind: "sysctl";
  /** Path below /proc/sys: `net/ipv4/ip_forward`. No dots: an interface's name may hold them. */
  readonly path: string;
  readonly value: string;
  /** The link in whose directory the value lives: written after the link exists, gone with it. */
  readonly link?: string;
}

/** One part of our tables, installed whole in one transaction and shared by its users. */
export interface NftChainObject extends Placed {
  readonly kind: "nft-chain";
  readonly family: "inet" | "bridge" | "netdev";
  readonly table: string;
  readonly chain: string;
  /** The rules' text, as `nft` reads it. Constants and validated values only. */
  readonly rules: readonly string[];
}

/** A typed value in a set's key or a map's data. Text forms are canonical. */
export type NftValue =
  | { readonly ipv4: string }
  | { readonly ipv6: string }
  | { readonly mac: string }
  | { readonly ifname: string }
  /** IANA protocol number: 6 TCP, 17 UDP, 132 SCTP. */
  | { readonly proto: number }
  | { readonly l4Port: number }
  | { readonly mark: number };

/** What a map's element leads to: a value (concatenated in order) or a jump. */
export type NftData =
  | { readonly values: readonly NftValue[] }
  | { readonly verdict: "accept" | "drop" }
  | { readonly goto: string }
  | { readonly jump: string };

/** One element of a set (no `data`) or map. Its key is family, table, set and key. */
export interface NftElementObject extends Placed {
  readonly kind: "nft-element";
  readonly family: "inet" | "bridge" | "netdev";
  readonly table: string;
  readonly set: string;
  readonly key: readonly NftValue[];
  readonly data?: NftData;
  /** At most 128 bytes. */
  readonly comment?: string;
}

export type KernelObject =
  | LinkObject
  | AddressObject
  | RouteObject
  | SysctlObject
  | NftChainObject
  | NftElementObject;

export type KernelObjectKind = KernelObject["kind"];

/** The objects of one kind. */
export type ObjectOf<K extends KernelObjectKind> = Extract<KernelObject, { readonly kind: K }>;
