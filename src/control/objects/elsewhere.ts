/** What of an object other hosts must know, made of the object alone. Pure. */
import type {
  BGPNeighbor,
  BlockRoute,
  Endpoint,
  HostPeer,
  HostPeerSpec,
} from "../../api/elsewhere.ts";
import { elsewhere } from "../../api/elsewhere.ts";
import { labelsOfHost, silentReason } from "../../api/kinds/host.ts";
import type { IPBlock, Port } from "../../api/kinds/index.ts";
import { claimedAddresses, networkOfPort } from "../../api/kinds/port.ts";
import type { ApiObject, Condition } from "../../api/object.ts";

const apiVersion = "netloom.dev/v1alpha1";

/** What a derived object has of the metadata of the one that it is made of. */
function metadataOf({ metadata }: Pick<ApiObject, "metadata">): ApiObject["metadata"] {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { ...(namespace !== undefined && { namespace }), name, uid, resourceVersion } as never;
}

/** What of a `Host` others reach it by. */
export interface Reachable extends Pick<ApiObject, "metadata"> {
  readonly status?: Partial<HostPeerSpec> & { readonly conditions?: readonly Condition[] };
}

/** How a host is reached; undefined: it has not told. */
export function peerOf(host: Reachable): HostPeer | undefined {
  const { underlay = [], publicKey } = host.status ?? {};
  if (underlay.length === 0) return undefined;
  const spec = {
    underlay,
    ...(publicKey !== undefined && { publicKey }),
    ...(isSilent(host) && { silent: true }),
  };
  return { apiVersion, kind: elsewhere.hostpeers, metadata: metadataOf(host), spec } as HostPeer;
}

const isSilent = ({ status }: Reachable): boolean =>
  status?.conditions?.some(
    ({ type, status, reason }) => type === "Ready" && status === "False" && reason === silentReason,
  ) ?? false;

/** With whom hosts speak BGP; undefined: it has not told how it is reached. */
export function bgpNeighborOf(host: Reachable): BGPNeighbor | undefined {
  const underlay = host.status?.underlay ?? [];
  if (underlay.length === 0) return undefined;
  const labels = labelsOfHost(host.metadata.name, host.metadata.labels);
  const addresses = underlay.map(({ address, prefixLength }) => ({ address, prefixLength }));
  const kind = elsewhere.bgpneighbors;
  const spec = { labels, addresses };
  return { apiVersion, kind, metadata: metadataOf(host), spec } as BGPNeighbor;
}

/** Where a port of an overlay network is; undefined: on no host. */
export const endpointOf = (port: Port): Endpoint | undefined =>
  endpoint(port, port.status?.addresses ?? []);

/** Where a port's addresses of a routed network are that no host's block leads to. */
export function claimedEndpointOf(port: Port): Endpoint | undefined {
  const claimed = claimedAddresses(port);
  return claimed.length === 0 ? undefined : endpoint(port, claimed);
}

function endpoint(
  port: Port,
  addresses: readonly { readonly address: string }[],
): Endpoint | undefined {
  const { metadata, spec, status } = port;
  const [binding] = (status?.bindings ?? [])
    .filter(({ active }) => active)
    .sort((a, b) => b.epoch - a.epoch);
  // One that joins another has that one's link and addresses, which are told as that one's.
  if (!binding || spec.joins !== undefined) return undefined;
  const network = networkOfPort(spec, metadata.namespace ?? "");
  const mac = status?.mac ?? spec.mac;
  return {
    ...{ apiVersion, kind: elsewhere.endpoints, metadata: metadataOf(port) },
    spec: {
      network: `${network.namespace}/${network.name}`,
      host: binding.host,
      epoch: binding.epoch,
      ...(mac !== undefined && { mac }),
      addresses: addresses.map(({ address }) => address),
    },
  } as Endpoint;
}

/** Who has a block of a network; undefined: no host. */
export function blockRouteOf(block: IPBlock, network: string): BlockRoute | undefined {
  const { cidr, host } = block.spec;
  if (host === "") return undefined;
  const kind = elsewhere.blockroutes;
  return { apiVersion, kind, metadata: metadataOf(block), spec: { network, cidr, host } } as never;
}
