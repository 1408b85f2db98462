/** What a declared overlay network is on this host: pure. */
import type { Host, Network } from "../../api/kinds/index.ts";
import type { SegmentConfig } from "../../drivers/overlay.ts";
import { overlayKey } from "../../engine/overlay-place.ts";
import { encryptedVxlanPort, isEncrypted, vxlanPort } from "../../model/encapsulation.ts";
import { bridgeName, engineNetwork } from "../network-config.ts";
import { tunnelAddressOf } from "../wireguard/tunnel-address.ts";

/** Whether it spans hosts by a segment in a namespace of its own. */
export const isOverlay = ({ spec }: Pick<Network, "spec">): boolean => spec.type === "overlay";

/** A host's address on the underlay, of the family that the network's packets travel by. */
export function underlayAddress(
  { spec }: Pick<Network, "spec">,
  underlay: readonly { readonly address: string }[] = [],
): string | undefined {
  const isWide = spec.underlayProtocol === "ipv6";
  return underlay.find(({ address }) => address.includes(":") === isWide)?.address;
}

/** The address that a host's packets of the network come from; undefined: it has none. */
export function segmentAddress(
  network: Pick<Network, "spec">,
  host: string,
  underlay: Parameters<typeof underlayAddress>[1],
): string | undefined {
  return isEncrypted(network.spec) ? tunnelAddressOf(host) : underlayAddress(network, underlay);
}

/** Why a port can't be attached yet; undefined: it can. */
export function missingOf(network: Network, host: Host | undefined): string | undefined {
  const { status, spec } = network;
  if (status?.vni === undefined || status.mtu === undefined) {
    return "the control plane has given it no VNI yet";
  }
  if (underlayAddress(network, host?.status?.underlay) === undefined) {
    const family = spec.underlayProtocol === "ipv6" ? "IPv6" : "IPv4";
    return (
      `this host has no ${family} address on the underlay: give it a default route, ` +
      "or name one in its Host's spec.addresses"
    );
  }
  return undefined;
}

/** Undefined while something is missing. */
export function segmentConfig(network: Network, host: Host | undefined): SegmentConfig | undefined {
  const local = host && segmentAddress(network, host.metadata.name, host.status?.underlay);
  const { vni, mtu } = network.status ?? {};
  if (local === undefined || vni === undefined || mtu === undefined) return undefined;
  const { port: own = vxlanPort, ttl, dscp, checksumOffload = true } = network.spec.vxlan ?? {};
  const port = isEncrypted(network.spec) ? encryptedVxlanPort : own;
  return {
    ...{ bridge: bridgeName(network), network: engineNetwork(network), vni, local, port, mtu },
    checksumOffload,
    ...(ttl !== undefined && { ttl }),
    ...(dscp !== undefined && { dscp }),
    mark: overlayKey(network.metadata.uid),
  };
}
