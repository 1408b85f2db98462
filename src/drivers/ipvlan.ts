/** Containers on links that share their parent's hardware address, told apart by IP address. */
import { formatPrefix, networkOf, overlaps, parsePrefix } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import type { ChildLink } from "../model/kernel-object.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver, HostFacts } from "./driver.ts";
import { type IpvlanConfig, parseIpvlanConfig } from "./ipvlan-config.ts";
import { linkGuardObjects } from "./link-guard.ts";
import { hostOf, refuseTooSmall } from "./mtu.ts";
import { childMtu, type Parent, parentOf, sharedParent } from "./parent.ts";
import { requireAddresses } from "./require-addresses.ts";

/** The host looks up the route of what a link in these modes sends. */
const isRouted = ({ mode }: IpvlanConfig) => mode !== "l2";

export const ipvlan: Driver<IpvlanConfig> = {
  networkType: "ipvlan",
  enforcement: "netns",
  inheritsAddresses: true,
  parse: parseIpvlanConfig,

  complete: requireAddresses,

  network: (config, name, facts) => sharedParent(config, name, facts, { routes: isRouted(config) }),

  port(port, config, facts) {
    const parent = parentOf(port.netns, config, facts);
    const mtu = childMtu(config, parent);
    refuseTooSmall(port, { mtu }, facts);
    refuseOtherSettings(port, config, parent, facts);
    if (isRouted(config)) refuseOverlap(port, config, parent, facts);
    const { enabledad: dad, acceptRa } = config;
    return [
      { ...child(port, config, parent), mtu },
      ...linkGuardObjects(port, config, parent.mac),
      ...linkSysctls(port, hostOf({ mtu }, facts), { dad, acceptRa }),
      ...linkAddresses(port, { dad }),
      ...linkRoutes(port),
    ];
  },

  links: (port) => [{ netns: port.netns, name: port.ifName }],

  gatewayLink: () => undefined,
};

function child(port: Port, { mode, flag }: IpvlanConfig, parent: Parent): ChildLink {
  return {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "link",
    type: "ipvlan",
    name: port.ifName,
    // The kernel gives it its parent's, whatever is asked for.
    mac: parent.mac,
    alias: port.alias,
    up: true,
    parent: parent.place,
    ipvlan: { mode, flag },
  };
}

/** Mode and flag are the parent's: setting them for one link sets them for those on it already. */
function refuseOtherSettings(
  port: Port,
  { mode, flag }: IpvlanConfig,
  parent: Parent,
  facts: HostFacts,
): void {
  const own = attachmentScope(port.id);
  const other = facts.findChild(
    parent.place,
    ({ scope, ipvlan: set }) =>
      scope !== own && set !== undefined && (set.mode !== mode || (set.flag ?? "bridge") !== flag),
  );
  if (!other) return;
  const set = other.ipvlan!;
  const isMode = set.mode !== mode;
  throw new ConfigError(
    isMode ? "mode" : "flag",
    `all ipvlan links on "${parent.place.name}" have one, and "${other.name}" in ${other.netns} has ` +
      `"${isMode ? set.mode : (set.flag ?? "bridge")}": take that, detach those containers first, ` +
      "or take another parent",
  );
}

/** Nobody on the parent's own network would find the container: it answers no ARP there. */
function refuseOverlap(port: Port, { mode }: IpvlanConfig, parent: Parent, facts: HostFacts): void {
  for (const taken of facts.addresses(parent.place)) {
    const own = port.ips.find(({ address }) => overlaps(parsePrefix(address), parsePrefix(taken)));
    if (!own) continue;
    const subnet = formatPrefix(networkOf(parsePrefix(own.address)));
    throw new ConfigError(
      "ipam",
      `subnet ${subnet} overlaps ${taken} of the parent "${parent.place.name}", whose neighbours would ` +
        `not find containers in mode "${mode}": take a subnet of their own and have the routers ` +
        'send it to this host, or take "mode": "l2"',
    );
  }
}

export type { IpvlanConfig };
