/** What of the node spec routes between hosts follow from. Pure. */
import type { BlockRoute, Endpoint, HostPeer, HostPeerSpec } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { addressBits, canonicalIp, parseIp } from "../../lib/ip.ts";
import { formatPrefix, networkOf, parsePrefix, prefixOf } from "../../lib/prefix.ts";
import type { IPBlockObject } from "../addresses/block-view.ts";
import type { NodeSpec } from "../spec/node-spec.ts";

export type Underlay = HostPeerSpec["underlay"];

export interface RoutedNetwork {
  /** `namespace/name`. */
  readonly name: string;
  readonly spec: Network["spec"];
  readonly vni?: number;
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
}

/** What is asked of a node spec. */
export type Told = Pick<NodeSpec, "all" | "host" | "subnet">;

export type IsGone = (peer: HostPeer) => boolean;

export function viewOf(spec: Told, host: string, isGone: IsGone = () => false): RoutedView {
  const networks = spec
    .all<Network>("networks")
    .filter((network) => network.spec.type === "routed");
  const peers = networks.length === 0 ? [] : spec.all<HostPeer>("hostpeers");
  const own = networks.length === 0 ? new Map() : ownBlocks(spec, host);
  const elsewhere = networks.length === 0 ? new Map() : prefixesElsewhere(spec, host);
  return {
    host,
    underlay: canonical((spec.host(host)?.status as Partial<HostPeerSpec> | undefined)?.underlay),
    peers: new Map(peers.map(({ metadata, spec }) => [metadata.name, canonical(spec.underlay)])),
    gone: new Set(peers.filter(isGone).map(({ metadata }) => metadata.name)),
    networks: networks.map((network) => {
      const name = `${network.metadata.namespace}/${network.metadata.name}`;
      const { vni } = network.status ?? {};
      return {
        ...{ name, spec: network.spec, ...(vni !== undefined && { vni }) },
        own: own.get(name) ?? [],
        elsewhere: elsewhere.get(name) ?? new Map(),
      };
    }),
  };
}

/** As the kernel tells of them. */
const canonical = (underlay: Underlay = []): Underlay =>
  underlay.map((one) => ({ ...one, address: canonicalIp(one.address) }));
const canonicalPrefix = (prefix: string): string => formatPrefix(networkOf(parsePrefix(prefix)));

/** By network. */
function ownBlocks(spec: Told, host: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { spec: block } of spec.all<IPBlockObject>("ipblocks")) {
    if (block.host !== host) continue;
    const { namespace, name } = block.subnet;
    const network = spec.subnet({ namespace, name })?.spec.network;
    if (network !== undefined) push(found, `${namespace}/${network}`, canonicalPrefix(block.cidr));
  }
  return found;
}

/** By network, then by host. Of two who say that they have an address, the later one has it. */
function prefixesElsewhere(spec: Told, host: string): Map<string, Map<string, string[]>> {
  const found = new Map<string, Map<string, string[]>>();
  const add = (network: string, at: string, prefix: string) => {
    const hosts = found.get(network) ?? new Map<string, string[]>();
    found.set(network, hosts);
    push(hosts, at, prefix);
  };
  for (const { spec: block } of spec.all<BlockRoute>("blockroutes")) {
    if (block.host !== host) add(block.network, block.host, canonicalPrefix(block.cidr));
  }
  const latest = new Map<string, { network: string; at: string; prefix: string; epoch: number }>();
  for (const { spec: endpoint } of spec.all<Endpoint>("endpoints")) {
    const { network, host: at, epoch } = endpoint;
    for (const prefix of endpoint.addresses.map(single)) {
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

function single(address: string): string {
  const ip = parseIp(address);
  return formatPrefix(prefixOf(ip, addressBits(ip.family)));
}
