/** Containers on a segment that spans hosts: a bridge on each, joined by VXLAN. */

import { vxlanLinkName } from "../model/encapsulation.ts";
import {
  hostNetns,
  type KernelObject,
  underlayNetns,
  type VxlanLink,
} from "../model/kernel-object.ts";
import { networkScope } from "../model/port.ts";
import { bridge } from "./bridge.ts";
import type { BridgeConfig } from "./bridge-config.ts";
import type { Driver, HostFacts } from "./driver.ts";

/**
 * Its host is the overlay's own namespace, where the bridge stands alone: it is a bridge without
 * gateway, uplink and way out.
 */
export const overlay: Driver<BridgeConfig> = {
  ...bridge,
  networkType: "overlay",

  network(config, name, host) {
    const shared = { netns: hostNetns, scope: networkScope(name), life: "shared" } as const;
    // Each host's bridge has this one's hardware address, and would find its address taken.
    const silence: KernelObject = {
      ...{ ...shared, kind: "sysctl", link: config.bridge, value: "1" },
      path: `net/ipv6/conf/${config.bridge}/addr_gen_mode`,
    };
    return [...bridge.network(config, name, host), ...(host.ipv6 ? [silence] : [])];
  },

  // What is in the overlay's namespace is no link of the host that others would find.
  links: (port) => [{ netns: port.netns, name: port.ifName }],
};

/** What joins a segment's bridges. */
export interface SegmentConfig {
  /** Name of the bridge. */
  readonly bridge: string;
  /** The network, as the engine knows it. */
  readonly network: string;
  /** VXLAN network identifier. */
  readonly vni: number;
  /** This host's address on the underlay, or in its tunnel. */
  readonly local: string;
  /** UDP port. */
  readonly port: number;
  readonly ttl?: number;
  readonly dscp?: number;
  /** False: the host works out checksums itself before it wraps a packet. */
  readonly checksumOffload: boolean;
  /** Bytes. */
  readonly mtu: number;
  /** 16 hex digits that no attachment has. */
  readonly mark: string;
}

/** Entries tell where each address is: it learns none, and floods nothing unknown. */
export function segmentLink(
  config: SegmentConfig,
  host: Pick<HostFacts, "macOf" | "sharedAlias">,
): VxlanLink {
  const { bridge: master, network, vni, local, port, mtu, mark } = config;
  const { ttl = 0, dscp = "inherit" } = config;
  const name = vxlanLinkName(vni);
  return {
    ...{ netns: hostNetns, scope: networkScope(network), life: "exclusive" },
    ...{ kind: "link", type: "vxlan", name, up: true, master, mtu, underlay: underlayNetns },
    mac: host.macOf(`segment ${local} ${vni}`),
    alias: `${host.sharedAlias}:${mark}`,
    bridgePort: { learning: false, unicastFlood: false, neighSuppress: true },
    vxlan: { id: vni, local, port, ttl, dscp },
  };
}
