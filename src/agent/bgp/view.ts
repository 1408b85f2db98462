/** What of the node spec BGP on this host follows from. Pure. */
import type { BGPNeighbor } from "../../api/elsewhere.ts";
import { bgpConfigurationName } from "../../api/kinds/bgp-configuration.ts";
import { labelsOfHost } from "../../api/kinds/host.ts";
import type { BGPConfiguration, BGPPeer, Host, Port } from "../../api/kinds/index.ts";
import { claimedAddresses, networkOfPort } from "../../api/kinds/port.ts";
import type { BgpConfiguration, BgpHost } from "../../bgp/input.ts";
import { bgpDefaults } from "../../model/bgp.ts";
import { viewOf as routedViewOf, single } from "../routed/view.ts";
import type { NodeSpec } from "../spec/node-spec.ts";

/** A network with backend bgp. */
export interface BgpNetwork {
  /** `namespace/name`. */
  readonly name: string;
  readonly cidrs: readonly string[];
  /** What this host tells of it: its blocks and prefixes, and single addresses outside of them. */
  readonly announced: readonly string[];
}

export interface BgpView {
  readonly configuration: BgpConfiguration;
  readonly peers: readonly { readonly name: string; readonly spec: BGPPeer["spec"] }[];
  readonly host: BgpHost;
  readonly hosts: readonly BgpHost[];
  readonly networks: readonly BgpNetwork[];
  /** Routed networks of any backend. */
  readonly routed: ReadonlySet<string>;
}

export type Told = Pick<NodeSpec, "all" | "host" | "subnet" | "subnetsOf">;

export function bgpViewOf(spec: Told, host: string): BgpView {
  const { networks } = routedViewOf(spec, host);
  const claimed = claimedHere(spec, host);
  return {
    configuration: configurationOf(spec),
    peers: spec.all<BGPPeer>("bgppeers").map((peer) => ({
      ...{ name: peer.metadata.name, spec: peer.spec },
    })),
    host: ownHost(spec, host),
    hosts: spec.all<BGPNeighbor>("bgpneighbors").map(({ metadata, spec }) => ({
      ...{ name: metadata.name, ...spec },
    })),
    networks: networks
      .filter(({ spec }) => spec.backend === "bgp")
      .map(({ name, own, object }) => ({
        name,
        cidrs: spec.subnetsOf(object).map((subnet) => subnet.spec.cidr),
        announced: [...own, ...(claimed.get(name) ?? [])],
      })),
    routed: new Set(networks.map(({ name }) => name)),
  };
}

function configurationOf(spec: Told): BgpConfiguration {
  const found = spec
    .all<BGPConfiguration>("bgpconfigurations")
    .find(({ metadata }) => metadata.name === bgpConfigurationName);
  if (!found) return bgpDefaults;
  const { mesh, ...own } = found.spec;
  return { ...bgpDefaults, ...own, mesh: { ...bgpDefaults.mesh, ...mesh } } as BgpConfiguration;
}

function ownHost(spec: Told, name: string): BgpHost {
  const host = spec.host(name) as Host | undefined;
  return {
    name,
    labels: labelsOfHost(name, host?.metadata.labels),
    addresses: host?.status?.underlay ?? [],
  };
}

/** By network: of ports that are here, and nowhere else with a higher epoch. */
function claimedHere(spec: Told, host: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const port of spec.all<Port>("ports")) {
    const active = (port.status?.bindings ?? []).filter(({ active }) => active);
    const last = active.sort((a, b) => b.epoch - a.epoch)[0];
    if (last?.host !== host || port.spec.joins !== undefined) continue;
    const { namespace, name } = networkOfPort(port.spec, port.metadata.namespace ?? "");
    const network = `${namespace}/${name}`;
    const singles = claimedAddresses(port).map(({ address }) => single(address));
    found.set(network, [...(found.get(network) ?? []), ...singles]);
  }
  return found;
}
