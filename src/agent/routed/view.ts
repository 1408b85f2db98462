/** What of the node spec routes between hosts follow from. Pure. */
import type { BlockRoute, Endpoint, HostPeer, HostPeerSpec } from "../../api/elsewhere.ts";
import type { Network, Subnet } from "../../api/kinds/index.ts";
import { addressBits, canonicalIp, parseIp } from "../../lib/ip.ts";
import { perObject } from "../../lib/per-object.ts";
import { aggregated, formatPrefix, networkOf, parsePrefix, prefixOf } from "../../lib/prefix.ts";
import type { IPBlockObject } from "../addresses/block-view.ts";
import type { NodeSpec } from "../spec/node-spec.ts";

export type Underlay = HostPeerSpec["underlay"];

export interface RoutedNetwork {
  /** `namespace/name`. */
  readonly name: string;
  readonly object: Network;
  readonly spec: Network["spec"];
  readonly vni?: number;
  readonly subnets: readonly string[];
  /** Prefixes that this host gives addresses of. */
  readonly own: readonly string[];
  /** Prefixes by the host that has them. */
  readonly elsewhere: ReadonlyMap<string, readonly string[]>;
}

export interface RoutedView {
  readonly host: string;
  readonly underlay: Underlay;
  readonly peers: ReadonlyMap<string, Underlay>;
  /** Hosts that nothing is sent to: they are dead, or as good as that. */
  readonly gone: ReadonlySet<string>;
  readonly networks: readonly RoutedNetwork[];
  /** Why the host's WireGuard link does not lead to a host; undefined: it does. */
  readonly tunnelTo: (host: string) => { readonly why: string } | undefined;
}

/** What is asked of a node spec. */
export type Told = Pick<NodeSpec, "all" | "host" | "subnet">;

export type IsGone = (peer: HostPeer) => boolean;

/** What the host itself knows of others. */
export interface Known {
  /** None is unless told. */
  readonly isGone?: IsGone;
  readonly tunnelTo?: RoutedView["tunnelTo"];
}

export function viewOf(spec: Told, host: string, known: Known = {}): RoutedView {
  const { isGone = () => false, tunnelTo = () => undefined } = known;
  const networks = spec
    .all<Network>("networks")
    .filter((network) => network.spec.type === "routed");
  const peers = networks.length === 0 ? [] : spec.all<HostPeer>("hostpeers");
  const own = networks.length === 0 ? new Map() : ownBlocks(spec, host);
  const names = new Set(networks.map(nameOf));
  const elsewhere = networks.length === 0 ? new Map() : prefixesElsewhere(spec, host, names);
  const subnets = networks.length === 0 ? new Map() : subnetsByNetwork(spec);
  return {
    ...{ host, tunnelTo },
    underlay: canonical((spec.host(host)?.status as Partial<HostPeerSpec> | undefined)?.underlay),
    peers: new Map(peers.map(({ metadata, spec }) => [metadata.name, underlayOf(spec)])),
    gone: new Set(peers.filter(isGone).map(({ metadata }) => metadata.name)),
    networks: networks.map((network) => {
      const name = nameOf(network);
      const { vni } = network.status ?? {};
      return {
        ...{ name, object: network, spec: network.spec, ...(vni !== undefined && { vni }) },
        subnets: subnets.get(name) ?? [],
        own: own.get(name)?.[network.spec.backend === "bgp" ? "aggregated" : "blocks"] ?? [],
        elsewhere: elsewhere.get(name) ?? new Map(),
      };
    }),
  };
}

/** As the kernel tells of them. */
const canonical = (underlay: Underlay = []): Underlay =>
  underlay.map((one) => ({ ...one, address: canonicalIp(one.address) }));
const nameOf = ({ metadata }: Network): string => `${metadata.namespace}/${metadata.name}`;
// Each change asks for those of all hosts, and few are other than before.
const underlayOf = perObject(({ underlay }: HostPeerSpec) => canonical(underlay));
const prefixOfBlock = perObject(({ cidr }: BlockRoute["spec"]) => canonicalPrefix(cidr));
const prefixesOfPort = perObject(({ addresses }: Endpoint["spec"]) => addresses.map(single));
const canonicalPrefix = (prefix: string): string => formatPrefix(networkOf(parsePrefix(prefix)));

function subnetsByNetwork(spec: Told): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { metadata, spec: subnet } of spec.all<Subnet>("subnets")) {
    push(found, `${metadata.namespace}/${subnet.network}`, canonicalPrefix(subnet.cidr));
  }
  return found;
}

interface Own {
  readonly blocks: string[];
  /** The same, and the host's own prefixes of the subnets, in as few as can be. */
  readonly aggregated: string[];
}

/** By network. */
function ownBlocks(spec: Told, host: string): Map<string, Own> {
  const found = new Map<string, Own>();
  const bySubnet = new Map<string, { readonly blocks: string[]; readonly prefixes: string[] }>();
  const of = (subnet: string) => {
    const own = bySubnet.get(subnet) ?? { blocks: [], prefixes: [] };
    bySubnet.set(subnet, own);
    return own;
  };
  for (const { spec: block } of spec.all<IPBlockObject>("ipblocks")) {
    if (block.host !== host) continue;
    of(`${block.subnet.namespace}/${block.subnet.name}`).blocks.push(canonicalPrefix(block.cidr));
  }
  for (const { subnet, cidr } of spec.host(host)?.spec?.prefixes ?? []) {
    of(subnet).prefixes.push(canonicalPrefix(cidr));
  }
  for (const [subnet, { blocks, prefixes }] of bySubnet) {
    const [namespace = "", name = ""] = subnet.split("/");
    const network = spec.subnet({ namespace, name })?.spec.network;
    if (network === undefined) continue;
    const own = found.get(`${namespace}/${network}`) ?? { blocks: [], aggregated: [] };
    found.set(`${namespace}/${network}`, own);
    own.blocks.push(...blocks);
    // Of one subnet: two that lie side by side are not one.
    const all = [...blocks, ...prefixes].map(parsePrefix);
    own.aggregated.push(...aggregated(all).map(formatPrefix));
  }
  return found;
}

/** By network, then by host. Of two who say that they have an address, the later one has it. */
function prefixesElsewhere(
  spec: Told,
  host: string,
  networks: ReadonlySet<string>,
): Map<string, Map<string, string[]>> {
  const found = new Map<string, Map<string, string[]>>();
  const add = (network: string, at: string, prefix: string) => {
    const hosts = found.get(network) ?? new Map<string, string[]>();
    found.set(network, hosts);
    push(hosts, at, prefix);
  };
  for (const { spec: block } of spec.all<BlockRoute>("blockroutes")) {
    if (block.host !== host) add(block.network, block.host, prefixOfBlock(block));
  }
  const latest = new Map<string, { network: string; at: string; prefix: string; epoch: number }>();
  for (const { spec: endpoint } of spec.all<Endpoint>("endpoints")) {
    const { network, host: at, epoch } = endpoint;
    if (!networks.has(network)) continue;
    for (const prefix of prefixesOfPort(endpoint)) {
      const key = `${network} ${prefix}`;
      if ((latest.get(key)?.epoch ?? -1) < epoch) latest.set(key, { network, at, prefix, epoch });
    }
  }
  for (const { network, at, prefix } of latest.values()) {
    if (at !== host) add(network, at, prefix);
  }
  return found;
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

export function single(address: string): string {
  const ip = parseIp(address);
  return formatPrefix(prefixOf(ip, addressBits(ip.family)));
}
