/** Containers each on a link of their own in a VLAN of the parent (802.1Q). */
import type { ChildLink } from "../model/kernel-object.ts";
import { flag, integer, object, optional, type Parser, withDefault } from "../model/parse.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver } from "./driver.ts";
import { type GuardConfig, guardFields } from "./guard-config.ts";
import { linkGuardObjects } from "./link-guard.ts";
import { linkName } from "./link-name.ts";
import { hostOf, mtu, refuseTooSmall } from "./mtu.ts";
import {
  childMtu,
  type Parent,
  type ParentConfig,
  parentConfig,
  parentOf,
  refuseDown,
} from "./parent.ts";
import { parentSelector } from "./parent-selector.ts";
import { requireAddresses } from "./require-addresses.ts";

const unread: Parser<unknown> = (value) => value;

const fields = object({
  /** Required of who names no selector. */
  master: unread,
  parentSelector: optional(parentSelector),
  linkInContainer: withDefault(flag, false),
  vlanId: withDefault(integer(0, 4094), 0),
  mtu,
  enabledad: withDefault(flag, false),
  ...guardFields,
});

/** Names are the reference's. `mtu` 0: as the parent's. */
export interface VlanConfig extends GuardConfig, Omit<ParentConfig, "vlan"> {
  /** 0: frames with a priority, of no VLAN. */
  readonly vlanId: number;
  readonly mtu: number;
  readonly enabledad: boolean;
}

export const vlan: Driver<VlanConfig> = {
  networkType: "vlan",
  enforcement: "netns",

  parse(input) {
    const { master, parentSelector: selector, ...config } = fields(input, "");
    if (selector === undefined) return { ...config, parent: linkName(master, "master") };
    const isNamed = master !== undefined && master !== null && master !== "";
    const parent = isNamed ? { parent: linkName(master, "master") } : {};
    const { linkInContainer } = config;
    const own = { master: undefined, parentSelector: selector, linkInContainer, vlan: 0 };
    const { vlan: _, ...on } = parentConfig({ ...own, parent: undefined, ...parent });
    return { ...config, ...on };
  },

  complete: requireAddresses,

  network: () => [],

  port(port, config, facts) {
    const parent = parentOf(port.netns, { ...config, vlan: 0 }, facts);
    refuseDown(parent.place.name, parent.up);
    const mtu = childMtu(config, parent);
    refuseTooSmall(port, { mtu }, facts);
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

function child(port: Port, { vlanId }: VlanConfig, { mac, place }: Parent): ChildLink {
  return {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "link",
    type: "vlan",
    name: port.ifName,
    mac,
    alias: port.alias,
    up: true,
    parent: place,
    vlan: { id: vlanId },
  };
}
