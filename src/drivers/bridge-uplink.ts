/** A bridge on a physical network: its uplink, and what does not go with one. */
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { flag, integer, optional, unlessEmpty, withDefault } from "../model/parse.ts";
import { networkScope } from "../model/port.ts";
import type { HostFacts } from "./driver.ts";
import { linkName } from "./link-name.ts";
import { subInterface } from "./sub-interface.ts";

/** Not the reference's: it knows no uplinks. */
export const uplinkFields = {
  uplink: unlessEmpty(linkName),
  /** The reference's `vlan` is about the bridge's own ports. */
  uplinkVlan: optional(integer(1, 4094)),
  takeOver: withDefault(flag, false),
} as const;

export interface UplinkConfig {
  /** The physical link that is put into the bridge. Absent: the host routes. */
  readonly uplink?: string;
  /** The uplink is this VLAN of the link (802.1Q). */
  readonly uplinkVlan?: number;
  /** Also a link with dynamic addresses, or one that a network manager looks after. */
  readonly takeOver: boolean;
}

/** Keys that make the host a router between the containers and the network that they are on. */
const routing = {
  isDefaultGateway: "the network's own router is the containers' gateway",
  isGateway: "the network's own router is the containers' gateway",
  ipMasq: "containers have addresses of the physical network, and need no others",
} as const;

/** Throws ConfigError for keys that contradict each other. */
export function refuseContradictions(
  config: UplinkConfig & {
    readonly bridge?: string;
    readonly vlan: number;
    readonly vlanTrunk: readonly unknown[];
  } & Readonly<Record<keyof typeof routing, boolean>>,
): void {
  if (config.uplink === undefined) {
    const key = config.takeOver ? "takeOver" : config.uplinkVlan && "uplinkVlan";
    if (!key) return;
    throw new ConfigError(key, 'is about an uplink, and none is named: add "uplink"');
  }
  for (const [key, why] of Object.entries(routing)) {
    if (!config[key as keyof typeof routing]) continue;
    throw new ConfigError(key, `does not go with "uplink": ${why}. Remove "${key}"`);
  }
  if (config.vlan !== 0 || config.vlanTrunk.length > 0) {
    throw new ConfigError(
      config.vlan === 0 ? "vlanTrunk" : "vlan",
      'does not go with "uplink", whose port is in no VLAN of the bridge\'s: remove it, ' +
        'or set "uplinkVlan" for a VLAN of the physical network',
    );
  }
  if (config.uplink === config.bridge) {
    throw new ConfigError(
      "uplink",
      `is the bridge "${config.bridge}" itself: name a physical link`,
    );
  }
}

/** The uplink in its bridge; nothing on a network without. Throws ConfigError. */
export function uplinkObjects(
  config: UplinkConfig & { readonly bridge: string },
  network: string,
  facts: HostFacts,
): KernelObject[] {
  const { uplink, uplinkVlan, bridge, takeOver } = config;
  if (uplink === undefined) return [];
  const trunk = { netns: hostNetns, name: uplink };
  const sub = uplinkVlan && subInterface({ trunk, id: uplinkVlan }, facts);
  return [
    ...(sub ? sub.objects(network) : []),
    {
      netns: hostNetns,
      scope: networkScope(network),
      life: "counted",
      kind: "uplink",
      name: sub ? sub.name : uplink,
      bridge,
      takeOver,
      isPort: true,
      isBare: true,
    },
  ];
}

/** The configuration with the uplink's MTU where it has none of its own. Throws ConfigError. */
export function onUplink<C extends UplinkConfig & { readonly mtu: number }>(
  config: C,
  facts: HostFacts,
): C {
  const { uplink, mtu } = config;
  if (uplink === undefined) return config;
  const found = facts.link({ netns: hostNetns, name: uplink });
  if (!found) {
    throw new ConfigError(
      "uplink",
      `there is no link "${uplink}" on this host: name one that exists`,
    );
  }
  if (mtu <= found.mtu) return { ...config, mtu: mtu === 0 ? found.mtu : mtu };
  throw new ConfigError(
    "mtu",
    `${mtu} is more than the ${found.mtu} of the uplink "${uplink}": ` +
      "take that or less, or raise the uplink's",
  );
}
