/** What BGP on a host follows from, in the words of the API's kinds: plain data. */
import { bgpDefaults } from "../model/bgp.ts";
import type { Labels, Selector } from "../model/selector.ts";

/** Prefixes within `cidr` whose lengths are in these bounds: its own to the family's unless set. */
export interface PrefixFilter {
  readonly cidr: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** As `BGPConfiguration.spec`. */
export interface BgpConfiguration {
  /** Of every host whose label `asNumberLabel` names no other. */
  readonly asNumber: number;
  readonly listenPort: number;
  readonly mesh: { readonly enabled: boolean; readonly maxHosts: number };
  readonly routeReflectors?: Selector;
  readonly communities?: readonly string[];
  readonly restartTimeSeconds: number;
}

/** As `BGPPeer.spec`. */
export interface BgpPeer {
  readonly hosts?: Selector;
  readonly address: string;
  readonly port: number;
  readonly asNumber: number;
  readonly password?: string;
  readonly families?: readonly ("ipv4" | "ipv6")[];
  readonly multihopTtl?: number;
  readonly holdTimeSeconds: number;
  readonly allowOwnAs: number;
  readonly import?: readonly PrefixFilter[];
  readonly export?: readonly PrefixFilter[];
  readonly communities?: readonly string[];
  readonly bfd: boolean;
}

export interface BgpHost {
  readonly name: string;
  readonly labels: Labels;
  /** As `Host.status.underlay`: one of each family. */
  readonly addresses: readonly { readonly address: string; readonly prefixLength: number }[];
}

export interface BgpInput {
  readonly configuration: BgpConfiguration;
  readonly peers: readonly { readonly name: string; readonly spec: BgpPeer }[];
  readonly host: BgpHost;
  /** The others. */
  readonly hosts: readonly BgpHost[];
  /** Subnets of networks with backend bgp: nothing outside of them is ever told. */
  readonly clusterPrefixes: readonly string[];
  /** What this host tells: its blocks, and single addresses outside of them as /32 and /128. */
  readonly announced: readonly string[];
}

export const defaultConfiguration: BgpConfiguration = bgpDefaults;
