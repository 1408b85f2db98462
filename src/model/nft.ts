/** nftables tables as plain data: what is static in them. Elements are kernel objects. */

export type NftFamily = "inet" | "bridge" | "netdev" | "ip" | "ip6";

/** nft's own names of the types that keys and data have here; it has none for `nd_target`. */
export type NftType =
  | "ipv4_addr"
  | "ipv6_addr"
  | "nd_target"
  | "ether_addr"
  | "ifname"
  | "inet_proto"
  | "inet_service"
  | "mark";

export interface NftSetSpec {
  readonly name: string;
  /** More than one: a concatenation. */
  readonly key: readonly NftType[];
}

export interface NftMapSpec extends NftSetSpec {
  readonly data: readonly NftType[] | "verdict";
}

/** What makes a chain a base chain. */
export interface NftHook {
  readonly type: "filter" | "nat" | "route";
  readonly hook:
    | "ingress"
    | "egress"
    | "prerouting"
    | "input"
    | "forward"
    | "output"
    | "postrouting";
  readonly priority: number;
  /** Absent: accept. */
  readonly policy?: "accept" | "drop";
  /** The link, in family netdev. */
  readonly device?: string;
}

export interface NftChainSpec {
  readonly name: string;
  readonly hook?: NftHook;
  /** Each as `nft` reads it, without `add rule …`. Constants and validated values only. */
  readonly rules: readonly string[];
  /** The administrator fills it: it is made if it is missing, and never emptied. */
  readonly kept?: true;
}

/** One table of ours, whole. */
export interface NftTableSpec {
  readonly family: NftFamily;
  readonly name: string;
  readonly sets: readonly NftSetSpec[];
  readonly maps: readonly NftMapSpec[];
  readonly chains: readonly NftChainSpec[];
}
