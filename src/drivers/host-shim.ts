/**
 * A way between macvlan containers and their own host, which the kernel keeps apart: a macvlan link
 * of the host's on the same parent. It takes no part in the network outside: it neither asks nor
 * answers for addresses, so nobody there learns its hardware address for one of the host's. Each
 * side knows the other from us.
 */
import { parseIp } from "../lib/ip.ts";
import { containsIp, formatPrefix, parsePrefix, prefixOf } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { flag, ipPrefix, listOf, type Parser, withDefault } from "../model/parse.ts";
import { attachmentScope, networkScope, type Port } from "../model/port.ts";
import { familyOf, hostPart } from "./container-side.ts";
import type { HostFacts } from "./driver.ts";
import type { Parent } from "./parent.ts";

const ownAddress: Parser<string> = (value, path) =>
  ipPrefix(typeof value === "string" && !value.includes("/") ? whole(value) : value, path);

const whole = (address: string) => `${address}/${address.includes(":") ? 128 : 32}`;

export const hostShimFields = {
  /** Containers and their host reach each other. */
  hostShim: withDefault(flag, false),
  /** The host's addresses for them; absent: those of the parent. */
  hostShimAddresses: listOf(ownAddress),
} as const;

export interface HostShimConfig {
  readonly hostShim: boolean;
  readonly hostShimAddresses: readonly string[];
}

/** Throws ConfigError where there can be no shim. */
export function refuseShim(
  config: HostShimConfig & { readonly mode: string; readonly linkInContainer: boolean },
): void {
  const { hostShim, hostShimAddresses, mode, linkInContainer } = config;
  if (!hostShim) {
    if (hostShimAddresses.length === 0) return;
    throw new ConfigError("hostShimAddresses", 'goes with "hostShim": true alone: set that too');
  }
  if (mode !== "bridge") {
    throw new ConfigError(
      "hostShim",
      `does not go with mode "${mode}", which keeps links on one parent apart: take "mode": "bridge"`,
    );
  }
  if (!linkInContainer) return;
  throw new ConfigError(
    "hostShim",
    'does not go with "linkInContainer": the host has no link on a parent inside a container',
  );
}

/** What the port's way to its host is made of. Throws ConfigError where there is no address. */
export function hostShimObjects(
  port: Port,
  { hostShim, hostShimAddresses }: HostShimConfig,
  parent: Parent,
  facts: HostFacts,
): KernelObject[] {
  if (!hostShim) return [];
  const link = shimName(parent.place.name, facts);
  const mac = facts.macOf(`shim ${shimSeed(parent.place.name, facts)}`);
  const known = hostShimAddresses.length > 0 ? hostShimAddresses : facts.addresses(parent.place);
  const addresses = known.map(hostPart);
  const shared = { netns: hostNetns, scope: networkScope(port.network), life: "counted" } as const;
  const own = hostShimAddresses.map((address): KernelObject => {
    const alone = hostPart(address);
    return { ...shared, kind: "address", link, address: single(alone), dad: false };
  });
  return [
    {
      ...shared,
      ...{ kind: "link", type: "macvlan", name: link, mac, mtu: parent.mtu, up: true },
      alias: facts.sharedAlias,
      noarp: true,
      parent: parent.place,
      macvlan: { mode: "bridge" },
    },
    ...(facts.ipv6 ? [deaf(shared, link)] : []),
    ...own,
    ...ways(port, { link, mac, addresses, parent: parent.place.name }),
  ];
}

/** Routers outside may not give the shim addresses and routes. */
function deaf(place: Pick<KernelObject, "netns" | "scope" | "life">, link: string): KernelObject {
  return { ...place, kind: "sysctl", path: `net/ipv6/conf/${link}/accept_ra`, value: "0", link };
}

interface Shim {
  readonly link: string;
  readonly mac: string;
  /** The host's, without prefix lengths. */
  readonly addresses: readonly string[];
  readonly parent: string;
}

/** There and back, for each family that both sides have. */
function ways(port: Port, shim: Shim): KernelObject[] {
  const pairs = port.ips.flatMap(({ address }) => {
    const family = familyOf(address);
    const source = shim.addresses.find((one) => parseIp(one).family === family);
    return source === undefined ? [] : [{ address: hostPart(address), source }];
  });
  if (pairs.length === 0 && !port.awaitsAddresses) {
    throw new ConfigError(
      "hostShim",
      `needs an address on each side, and "${shim.parent}" has none of the container's families: ` +
        'name the host\'s in "hostShimAddresses", and the container\'s by "ipam"',
    );
  }
  const own = { scope: attachmentScope(port.id), life: "exclusive" } as const;
  const onHost = { ...own, netns: hostNetns, link: shim.link } as const;
  const inside = { ...own, netns: port.netns, link: port.ifName } as const;
  const families = new Set(pairs.map(({ address }) => parseIp(address).family));
  const reached = shim.addresses.filter((one) => families.has(parseIp(one).family));
  const isOnLink = (one: string) =>
    port.ips.some(({ address }) => containsIp(parsePrefix(address), parseIp(one)));
  return [
    ...pairs.flatMap(({ address, source }): KernelObject[] => [
      { ...onHost, kind: "route", dst: single(address), source },
      { ...onHost, kind: "neigh", address, mac: port.mac },
    ]),
    ...reached.flatMap((address): KernelObject[] => [
      { ...inside, kind: "neigh", address, mac: shim.mac },
      ...(isOnLink(address) ? [] : [{ ...inside, kind: "route", dst: single(address) } as const]),
    ]),
  ];
}

/** The whole address as a prefix: `10.1.0.5/32`. */
function single(address: string): string {
  const ip = parseIp(address);
  return formatPrefix(prefixOf(ip, ip.family === 4 ? 32 : 128));
}

/** What a shim is named by: each instance has one of its own. */
function shimSeed(parent: string, { instance }: Pick<HostFacts, "instance">): string {
  return instance === "cni" ? parent : `${instance}\0${parent}`;
}

/** `nls-<parent>`, or where that is longer than a name may be, digits that stand for it. */
export function shimName(parent: string, facts: Pick<HostFacts, "sha512" | "instance">): string {
  const name = `nls-${parent}`;
  return facts.instance === "cni" && new TextEncoder().encode(name).length <= 15
    ? name
    : `nls-${facts.sha512(shimSeed(parent, facts)).slice(0, 11)}`;
}
