/** Source NAT for a port: traffic that leaves its subnet takes the host's address. */
import type { Family } from "../lib/ip.ts";
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import { hostNetns, type KernelObject, type NftChainObject } from "../model/kernel-object.ts";
import { attachmentScope, networkScope, type Port } from "../model/port.ts";
import { familyOf } from "./container-side.ts";
import { inetTable } from "./skeleton.ts";

const multicast = { 4: "ip daddr 224.0.0.0/4", 6: "ip6 daddr ff00::/8" } as const;
const daddr = { 4: "ip daddr", 6: "ip6 daddr" } as const;
const maps = { 4: "masquerade4", 6: "masquerade6" } as const;

/**
 * One map element an address, and a chain a subnet that spares the subnet itself and multicast.
 * A packet meets one lookup and three rules, however many ports there are.
 */
export function masqueradeObjects(port: Port): KernelObject[] {
  return port.ips.flatMap(({ address }): KernelObject[] => {
    const prefix = parsePrefix(address);
    const subnet = formatPrefix(networkOf(prefix));
    // Chain names hold no colons.
    const chain = `masquerade_${subnet.replaceAll(":", "_")}`;
    const rules = sparing(prefix.family, [subnet]);
    return [chainObject(port, chain, rules), elementObject(port, address, chain)];
  });
}

/**
 * The same of a port with prefixes that are spared beside multicast, its subnets among them. A
 * chain for all ports with the same ones, which its name tells: others make it another chain.
 */
export function masqueradeBeyond(
  port: Port,
  spared: readonly string[],
  sha512: (text: string) => string,
): KernelObject[] {
  return port.ips.flatMap(({ address }): KernelObject[] => {
    const family = familyOf(address);
    const prefixes = new Set(spared.filter((prefix) => familyOf(prefix) === family));
    const rules = sparing(family, [...prefixes].sort());
    const chain = `masquerade_${sha512(rules.join()).slice(0, 16)}`;
    return [chainObject(port, chain, rules), elementObject(port, address, chain)];
  });
}

const sparing = (family: Family, prefixes: readonly string[]): string[] => [
  ...prefixes.map((prefix) => `${daddr[family]} ${prefix} return`),
  `${multicast[family]} return`,
  "masquerade",
];

function chainObject(port: Port, chain: string, rules: readonly string[]): NftChainObject {
  const shared = { netns: hostNetns, scope: networkScope(port.network), life: "shared" } as const;
  return { ...shared, ...inetTable, kind: "nft-chain", chain, rules };
}

function elementObject(port: Port, given: string, chain: string): KernelObject {
  const family = familyOf(given);
  const address = given.slice(0, given.indexOf("/"));
  return {
    ...{ netns: hostNetns, scope: attachmentScope(port.id), life: "exclusive" },
    ...inetTable,
    kind: "nft-element",
    set: maps[family],
    key: [family === 4 ? { ipv4: address } : { ipv6: address }],
    data: { jump: chain },
    comment: port.alias,
  };
}
