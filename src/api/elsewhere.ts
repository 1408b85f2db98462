/**
 * What a node spec tells of other hosts: only what networks that span hosts need. Made of objects
 * by the server, and kept in no store: `metadata` is that of the object it is made of.
 */
import type { ApiObject } from "./object.ts";

/** How a host is reached, on a host that has networks which span hosts. Of a `Host`. */
export interface HostPeerSpec {
  /** As `Host.status.underlay`. */
  readonly underlay: readonly {
    readonly address: string;
    readonly prefixLength: number;
    readonly mtu: number;
  }[];
  /** WireGuard's, base64. */
  readonly publicKey?: string;
  /** Its agent is not heard of: the host may be dead, or only cut off from the control plane. */
  readonly silent?: true;
}
/** Plural `hostpeers`; never the host itself. */
export type HostPeer = ApiObject<HostPeerSpec>;

/**
 * Where a port is, on another host that has ports on the same overlay network, or on any host where
 * the network is `routed` and the address is of no block of the port's host. Of a `Port`.
 */
export interface EndpointSpec {
  /** `namespace/name`. */
  readonly network: string;
  /** Of the active binding with the highest epoch. */
  readonly host: string;
  readonly epoch: number;
  readonly mac?: string;
  /** Without prefix lengths; of `routed` only those outside the host's blocks. */
  readonly addresses: readonly string[];
}
/** Plural `endpoints`; namespace and name are the port's. */
export type Endpoint = ApiObject<EndpointSpec>;

/** A block of a `routed` network's subnet that another host holds. Of an `IPBlock`. */
export interface BlockRouteSpec {
  /** `namespace/name`. */
  readonly network: string;
  readonly cidr: string;
  readonly host: string;
}
/** Plural `blockroutes`. */
export type BlockRoute = ApiObject<BlockRouteSpec>;

/**
 * What BGP on a host asks of another host, beside how it is reached: told to hosts that have a
 * network with backend bgp. Of a `Host`.
 */
export interface BGPNeighborSpec {
  /** By which reflectors and AS numbers are chosen. */
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly { readonly address: string; readonly prefixLength: number }[];
}
/** Plural `bgpneighbors`; never the host itself. */
export type BGPNeighbor = ApiObject<BGPNeighborSpec>;

/** Plural in keys of a node spec → `kind` in its lines. */
export const elsewhere = {
  hostpeers: "HostPeer",
  endpoints: "Endpoint",
  blockroutes: "BlockRoute",
  bgpneighbors: "BGPNeighbor",
} as const;
