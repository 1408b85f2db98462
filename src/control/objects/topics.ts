/** What a change is about, in words by which watchers say what they want to hear of. Pure. */
import { equalJson } from "../../api/json.ts";
import type { Host, IPBlock, Port } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import type { ApiObject } from "../../api/object.ts";
import {
  bgpNeighborOf,
  blockRouteOf,
  claimedEndpointOf,
  endpointOf,
  peerOf,
  type Reachable,
} from "./elsewhere.ts";

/** Of who wants all. */
export const everything = ["*"] as const;

/** All objects of a resource: `netloom.dev/ports`. */
export const topicOfResource = (resource: string): string => resource;

/** Those that are a host's own: `netloom.dev/ports@host-1`. */
export const topicOfHost = (resource: string, host: string): string => `${resource}@${host}`;

/**
 * What hosts must know of others. A change is of such a topic only where that changes: a host that
 * tells it is alive, or a port's conditions, are none. Names are `namespace/name`.
 */
export const topicsElsewhere = {
  /** How hosts are reached. */
  peers: "netloom.dev/hosts@peers:",
  /** Of what hosts speak BGP with each other. */
  bgpNeighbors: "netloom.dev/hosts@bgp:",
  /** Where the ports of an overlay network are. */
  endpoints: (network: string) => `netloom.dev/ports@net:${network}`,
  /** Where those addresses of a routed network are that are of no host's block. */
  claimed: (network: string) => `netloom.dev/ports@claimed:${network}`,
  /** Which hosts have the blocks of a subnet. */
  blocks: (subnet: string) => `netloom.dev/ipblocks@subnet:${subnet}`,
} as const;

interface Change {
  readonly resource: string;
  readonly object?: ApiObject;
  readonly previous?: ApiObject;
}

/** The topics of a change: its resource, whose it was or is, and what others must know of it. */
export function topicsOf({ resource, object, previous }: Change): string[] {
  const hosts = new Set([...hostsOf(resource, object), ...hostsOf(resource, previous)]);
  return [
    topicOfResource(resource),
    ...[...hosts].map((host) => topicOfHost(resource, host)),
    ...changedElsewhere(saidElsewhere(resource, previous), saidElsewhere(resource, object)),
  ];
}

function hostsOf(resource: string, object: ApiObject | undefined): readonly string[] {
  if (!object) return [];
  return ofResources[resource]?.(object as never) ?? [];
}

const ofResources: Readonly<Record<string, (object: never) => string[]>> = {
  "netloom.dev/hosts": ({ metadata }: Host) => [metadata.name],
  "netloom.dev/ipblocks": ({ spec }: IPBlock) => [spec.host],
  "netloom.dev/ports": ({ spec, status }: Port) => [
    ...(spec.host === undefined ? [] : [spec.host]),
    ...(status?.bindings ?? []).map(({ host }) => host),
  ],
};

/** Topic → what an object says there, if it says anything. */
type Said = Readonly<Record<string, ApiObject | undefined>>;

function changedElsewhere(before: Said, now: Said): string[] {
  const topics = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...topics].filter((topic) => !isSame(before[topic], now[topic]));
}

/** Whether hosts that know the one know the other. */
export const isSame = (one: ApiObject | undefined, other: ApiObject | undefined): boolean =>
  one?.metadata.uid === other?.metadata.uid && equalJson(one?.spec, other?.spec);

function saidElsewhere(resource: string, object: ApiObject | undefined): Said {
  if (!object) return {};
  return elsewhereOf[resource]?.(object as never) ?? {};
}

const elsewhereOf: Readonly<Record<string, (object: never) => Said>> = {
  "netloom.dev/hosts": (host: Reachable) => ({
    [topicsElsewhere.peers]: peerOf(host),
    [topicsElsewhere.bgpNeighbors]: bgpNeighborOf(host),
  }),
  "netloom.dev/ports": (port: Port) => {
    const { namespace, name } = networkOfPort(port.spec, port.metadata.namespace ?? "");
    const network = `${namespace}/${name}`;
    return {
      [topicsElsewhere.endpoints(network)]: endpointOf(port),
      [topicsElsewhere.claimed(network)]: claimedEndpointOf(port),
    };
  },
  "netloom.dev/ipblocks": (block: IPBlock) => {
    const { namespace, name } = block.spec.subnet;
    const subnet = `${namespace}/${name}`;
    return { [topicsElsewhere.blocks(subnet)]: blockRouteOf(block, "") };
  },
};

/** The topics that are of what an object says elsewhere, whether or not it changed. */
export const topicsOfSaid = (resource: string, object: ApiObject | undefined): string[] =>
  Object.keys(saidElsewhere(resource, object));
