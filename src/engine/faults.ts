/** What of an attachment is missing or different, but for what others than Netloom may change. */
import {
  hostNetns,
  isShared,
  type KernelObject,
  type UplinkObject,
} from "../model/kernel-object.ts";
import { differences, key } from "../plan/key.ts";
import type { KernelSession } from "./kernel-session.ts";
import { isElsewhere } from "./later-plugins.ts";
import { observe } from "./observe.ts";

/** What of the kernel's state is not as it should be. */
export interface Fault {
  readonly object: KernelObject;
  readonly fault: string;
  /** What is there under its key. */
  readonly found: KernelObject | undefined;
}

/** No hardware address: a later plugin of a chain may have given the link another. */
const none: ReadonlySet<string> = new Set();

/**
 * Those of `expected` that are missing or different, later plugins' doings apart. `guarded`: what
 * hardware addresses links must have, as of `guardedMacs`.
 */
export function faultyObjects(
  session: KernelSession,
  expected: readonly KernelObject[],
  guarded: ReadonlySet<string> = none,
): Fault[] {
  const found = new Map(observe(session, expected).map((object) => [key(object), object]));
  return expected.flatMap((object): Fault[] => {
    const have = found.get(key(object));
    if (!have) {
      if (isElsewhere(session, object)) return [];
      return [{ object, fault: `${describe(object)} is missing`, found: undefined }];
    }
    const fields = differences(lasting(object, guarded), have);
    if (fields.length === 0) return [];
    if (object.kind === "uplink") return uplinkFaults(object, have, fields);
    const fault = `${describe(object)} differs in ${fields.join(", ")}`;
    return [{ object, fault, found: have }];
  });
}

/** An outside hand, or a network manager, has undone the move in part. */
function uplinkFaults(
  object: UplinkObject,
  found: KernelObject,
  fields: readonly string[],
): Fault[] {
  const { name, bridge } = object;
  const texts: Readonly<Record<string, string>> = {
    isPort: `uplink "${name}" is no port of bridge "${bridge}" any more`,
    isBare: `addresses went back from bridge "${bridge}" to its uplink "${name}"`,
  };
  return fields.map((field) => ({
    object,
    found,
    fault: texts[field] ?? `uplink "${name}" differs`,
  }));
}

/** Whether a container speaks IPv6 and hears routers a later plugin, or itself, may have set. */
export function isLasting(object: KernelObject): boolean {
  if (object.kind !== "sysctl" || object.netns === hostNetns) return true;
  return !/\/(accept_ra|disable_ipv6)$/.test(object.path);
}

/** Hardware addresses that alone may send: a link whose own is among them is of no use without. */
export function guardedMacs(all: readonly KernelObject[]): ReadonlySet<string> {
  const macs = all.flatMap((object) => {
    // Where others know it without asking, a link with another would be deaf.
    if (object.kind === "link-guard" || object.kind === "neigh") return object.mac ?? [];
    if (object.kind !== "nft-element") return [];
    return object.key.flatMap((value) => ("mac" in value ? value.mac : []));
  });
  return new Set(macs);
}

/**
 * A link without what later plugins of a chain may have changed; the result has their MAC, unless
 * it is `guarded`.
 */
export function lasting(object: KernelObject, guarded: ReadonlySet<string>): KernelObject {
  if (object.kind !== "link" || isShared(object)) return object;
  const { mtu, promisc: _, bridgePort, ...others } = object;
  const { hairpin, ...portSettings } = bridgePort ?? {};
  // portmap turns it on for the ports that it publishes.
  const port = hairpin ? { ...portSettings, hairpin } : portSettings;
  // Larger packets than the other end takes are lost without a word: the host's MTU is ours alone.
  const own = object.netns === hostNetns ? { mtu } : {};
  const rest = { ...others, ...own, ...(bridgePort && { bridgePort: port }) };
  const kept = (mac: string | undefined) => (mac !== undefined && guarded.has(mac) ? { mac } : {});
  if (rest.type !== "veth") {
    const { mac, ...link } = rest;
    return { ...link, ...kept(mac) };
  }
  const { netns, name, up, mac } = rest.peer;
  return { ...rest, peer: { netns, name, up, ...kept(mac) } };
}

/** An object in the words of messages. */
export const describe = (object: KernelObject): string => {
  switch (object.kind) {
    case "link":
      return `link "${object.name}"`;
    case "address":
      return `address ${object.address} on "${object.link}"`;
    case "route":
      return `route to ${object.dst} on "${object.link}"`;
    case "uplink":
      return `uplink "${object.name}" of bridge "${object.bridge}"`;
    case "sysctl":
      return `sysctl ${object.path}`;
    case "link-settings":
      return `settings of link "${object.link}"`;
    case "device":
      return `device "${object.device.name}" as link "${object.name}"`;
    case "vrf-port":
      return `place of link "${object.link}" in VRF "${object.vrf}"`;
    case "rule":
      return `rule from ${object.src} to table ${object.table}`;
    case "foreign-accept":
      return `Netloom's rule in the forward chain of the other firewall (IPv${object.family})`;
    case "qdisc":
      return `queueing discipline "${object.type}" of "${object.link}"`;
    case "filter":
      return `filter ${object.priority} of "${object.link}"`;
    case "nft-chain":
      return `nftables chain "${object.chain}"`;
    case "neigh":
      return `neighbour ${object.address} on "${object.link}"`;
    case "nft-skeleton":
      return "Netloom's nftables tables";
    case "link-guard":
      return `guard of link "${object.device}"`;
    case "nft-element":
      return `element ${object.key.flatMap(Object.values).join(" . ")} of nftables set "${object.set}"`;
  }
};
