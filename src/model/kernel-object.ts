/** What Linux holds for us: one type for what should exist and for what was observed. */

import type {
  DeviceObject,
  LinkSettingsObject,
  RuleObject,
  VrfPortObject,
} from "./changed-object.ts";
import type { LinkObject } from "./link-object.ts";

/** The namespace that the process itself is in; any other is named by its path. */
export const hostNetns = "host";

/**
 * The process's own namespace too, where an engine takes another for its host: an overlay's, whose
 * packets go out of the host's own links.
 */
export const underlayNetns = "underlay";

/**
 * `exclusive` objects belong to one scope and go with it. `shared` objects are ensured by every
 * user and removed only once no user is observed, and only if Netloom made them. `counted` ones are
 * shared too, and go with the last recorded attachment that names them.
 */
export type Life = "exclusive" | "shared" | "counted";

export interface Placed {
  /** `hostNetns`, or the path of a namespace (`/var/run/netns/blue`). */
  readonly netns: string;
  /** The network (`net:<name>`) or attachment (`att:<16 hex digits>`) that owns it. */
  readonly scope: string;
  readonly life: Life;
}

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
  /** Who it is from, in the kernel's books. Absent: Netloom. */
  readonly protocol?: number;
  /** The table that it is taken out of, once all of them stand in theirs; put back on delete. */
  readonly movedFrom?: number;
}

/** A route over a link, as it is. */
export type LinkRoute = Omit<RouteObject, keyof Placed | "kind" | "link" | "movedFrom">;

/** A value below /proc/sys, as text without its newline. */
export interface SysctlObject extends Placed {
  readonly kind: "sysctl";
  /** Path below /proc/sys: `net/ipv4/ip_forward`. No dots: an interface's name may hold them. */
  readonly path: string;
  readonly value: string;
  /** The link in whose directory the value lives: written after the link exists, gone with it. */
  readonly link?: string;
  /** What it was; written back when the object is deleted. */
  readonly before?: string;
}

/** One part of our tables, installed whole in one transaction and shared by its users. */
export interface NftChainObject extends Placed {
  readonly kind: "nft-chain";
  readonly family: "inet" | "bridge" | "netdev";
  readonly table: string;
  readonly chain: string;
  /** The rules' text, as `nft` reads it. Constants and validated values only. */
  readonly rules: readonly string[];
  /** Somebody else fills it: it is made if it is missing, and its rules are never looked at. */
  readonly kept?: true;
}

/** A foreign firewall's forward chain lets what our tables mark pass. */
export interface ForeignAcceptObject extends Placed {
  readonly kind: "foreign-accept";
  readonly family: 4 | 6;
}

/** A neighbour's hardware address that is known without asking. */
export interface NeighObject extends Placed {
  readonly kind: "neigh";
  readonly link: string;
  /** Without prefix length. */
  readonly address: string;
  readonly mac: string;
}

/** Our static tables, all of them: they are there. */
export interface NftSkeletonObject extends Placed {
  readonly kind: "nft-skeleton";
}

/** What a link may not send, filtered inside its own namespace. It outlives the link. */
export interface LinkGuardObject extends Placed {
  readonly kind: "link-guard";
  /** nftables table of its own, of family netdev. */
  readonly table: string;
  /** The link's name. */
  readonly device: string;
  readonly dropsRouterAdverts: boolean;
  /** The only source of its frames. Absent: any. */
  readonly mac?: string;
  /** The only addresses that it speaks for, without prefix lengths. Absent: any. Needs `mac`. */
  readonly addresses?: readonly string[];
  /** False: done without where the kernel has no such filter. */
  readonly isRequired: boolean;
}

/** A typed value in a set's key or a map's data. Text forms are canonical. */
export type NftValue =
  | { readonly ipv4: string }
  | { readonly ipv6: string }
  /** The IPv6 address that a neighbour advertisement is about. */
  | { readonly ndTarget: string }
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

/**
 * A physical link that is a port of a bridge, and the bridge has its place in the host's network:
 * its hardware address, addresses, routes, neighbours and rules.
 */
export interface UplinkObject extends Placed {
  readonly kind: "uplink";
  readonly name: string;
  readonly bridge: string;
  /** Also a link with dynamic addresses, or one that a network manager looks after. */
  readonly takeOver: boolean;
  readonly isPort: boolean;
  /** The link itself holds no address but those of IPv6 that the kernel makes. */
  readonly isBare: boolean;
}

interface QdiscBase extends Placed {
  readonly kind: "qdisc";
  readonly link: string;
  /** As `tc` writes it: `108:`; `ffff:` for what comes in. */
  readonly handle: string;
}

export interface TokenBucket {
  /** Bytes a second. */
  readonly rateBytes: number;
  /** Bytes at once after a pause. */
  readonly burstBytes: number;
  /** Bytes that may wait; more are dropped. */
  readonly limitBytes: number;
}

/** How a link lets packets wait: one token bucket for all of them. */
export interface TbfQdisc extends QdiscBase, TokenBucket {
  readonly type: "tbf";
  readonly parent: "root";
}

/** Where the packets of a class wait. */
export type QdiscQueue =
  | ({ readonly type: "tbf" } & TokenBucket)
  | { readonly type: "bfifo"; readonly limitBytes: number };

/** A class of packets with a rate of its own. */
export interface QdiscClass {
  /** As `tc` writes it: `108:2`. */
  readonly handle: string;
  readonly rateBytes: number;
  readonly burstBytes: number;
  readonly queue: QdiscQueue;
}

/** Classes, between which filters choose. */
export interface HtbQdisc extends QdiscBase {
  readonly type: "htb";
  readonly parent: "root";
  /** Minor number of the class that takes what no filter puts elsewhere. */
  readonly defaultClass: number;
  readonly classes: readonly QdiscClass[];
}

/** Where filters meet what comes in. */
export interface IngressQdisc extends QdiscBase {
  readonly type: "ingress";
  readonly parent: "ingress";
}

export type QdiscObject = TbfQdisc | HtbQdisc | IngressQdisc;

/** Puts packets into a class, or has another link send them. One a priority. */
export interface FilterObject extends Placed {
  readonly kind: "filter";
  readonly link: string;
  /** Handle of the queueing discipline that asks it. */
  readonly parent: string;
  /** Lower ones are asked first. */
  readonly priority: number;
  readonly protocol: "all" | "ip" | "ipv6";
  /** Which packets of the protocol. */
  readonly match: "all" | { readonly field: "src" | "dst"; readonly prefix: string };
  /** The class, `108:1`. */
  readonly classId?: string;
  /** Name of the link in the same namespace that sends them. */
  readonly redirect?: string;
}

export type {
  DeviceObject,
  HostedDevice,
  LinkSettings,
  LinkSettingsObject,
  RuleObject,
  VrfPortObject,
} from "./changed-object.ts";
export type {
  BridgeLink,
  BridgePort,
  BridgeVlan,
  ChildLink,
  ExistingLink,
  LinkObject,
  LinkPlace,
  LoneLink,
  TunLink,
  VethLink,
  VxlanLink,
} from "./link-object.ts";

export type KernelObject =
  | LinkObject
  | AddressObject
  | RouteObject
  | SysctlObject
  | LinkSettingsObject
  | RuleObject
  | VrfPortObject
  | DeviceObject
  | NftChainObject
  | NeighObject
  | NftSkeletonObject
  | LinkGuardObject
  | NftElementObject
  | UplinkObject
  | ForeignAcceptObject
  | QdiscObject
  | FilterObject;

export type KernelObjectKind = KernelObject["kind"];

/** The objects of one kind. */
export type ObjectOf<K extends KernelObjectKind> = Extract<KernelObject, { readonly kind: K }>;

/** Whether others may use it too, so that creation meets what is there already. */
export function isShared({ life }: { readonly life: Life }): boolean {
  return life !== "exclusive";
}
