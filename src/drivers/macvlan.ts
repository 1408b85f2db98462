/** Containers with a link each on a link of the host's, and with it on the network outside. */
import type { ChildLink, KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver } from "./driver.ts";
import { hostShimObjects } from "./host-shim.ts";
import { linkGuardObjects } from "./link-guard.ts";
import { type MacvlanConfig, parseMacvlanConfig } from "./macvlan-config.ts";
import { hostOf, refuseTooSmall } from "./mtu.ts";
import { childMtu, type Parent, parentOf, sharedParent } from "./parent.ts";
import { crowding } from "./parent-guard.ts";

export const macvlan: Driver<MacvlanConfig> = {
  networkType: "macvlan",
  enforcement: "netns",
  parse: parseMacvlanConfig,

  complete: (port) => port,

  network: sharedParent,

  port(port, config, facts) {
    const parent = parentOf(port.netns, config, facts);
    crowding(parent, config.mode === "passthru" ? undefined : config.maxMacs, facts);
    const mtu = childMtu(config, parent);
    refuseTooSmall(port, { mtu }, facts);
    const host = hostOf({ mtu }, facts);
    const link = { ...child(port, config, parent), mtu };
    const objects: KernelObject[] = [
      link,
      ...hostShimObjects(port, config, parent, facts),
      ...linkGuardObjects(port, config, link.mac!),
      ...linkSysctls(port, host, { dad: config.enabledad, acceptRa: config.acceptRa }),
      ...linkAddresses(port, { dad: config.enabledad }),
      ...linkRoutes(port),
    ];
    return objects;
  },

  links: (port) => [{ netns: port.netns, name: port.ifName }],

  gatewayLink: () => undefined,

  mac: ({ mac }) => mac,

  warnings(port, config, facts) {
    const parent = parentOf(port.netns, config, facts);
    const { name } = parent.place;
    const down = `parent "${name}" is down: packets pass once it is up (ip link set ${name} up)`;
    return [parent.up ? [] : down, crowding(parent, undefined, facts) ?? []].flat();
  },
};

function child(port: Port, config: MacvlanConfig, parent: Parent): ChildLink {
  const { mode, allowedMacs, bcqueuelen } = config;
  return {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "link",
    type: "macvlan",
    name: port.ifName,
    // In this mode the kernel gives the child its parent's, whatever is asked for.
    mac: mode === "passthru" ? parent.mac : port.mac,
    alias: port.alias,
    up: true,
    parent: parent.place,
    macvlan: {
      mode,
      ...(mode === "source" ? { allowedMacs } : {}),
      // 0 is the kernel's own default with the reference, which leaves it out.
      ...(bcqueuelen === 0 ? {} : { bcQueueLength: bcqueuelen }),
    },
  };
}

export type { MacvlanConfig };
