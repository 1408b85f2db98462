/** Source NAT for a port: traffic that leaves its subnet takes the host's address. */
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, networkScope, type Port } from "../model/port.ts";
import { inetTable } from "./skeleton.ts";

const multicast = { 4: "ip daddr 224.0.0.0/4", 6: "ip6 daddr ff00::/8" } as const;
const daddr = { 4: "ip daddr", 6: "ip6 daddr" } as const;
const maps = { 4: "masquerade4", 6: "masquerade6" } as const;

/**
 * One map element an address, and a chain a subnet that spares the subnet itself and multicast.
 * A packet meets one lookup and three rules, however many ports there are.
 */
export function masqueradeObjects(port: Port): KernelObject[] {
  const owned = { netns: hostNetns, scope: attachmentScope(port.id), life: "exclusive" } as const;
  const shared = { netns: hostNetns, scope: networkScope(port.network), life: "shared" } as const;
  return port.ips.flatMap((ip): KernelObject[] => {
    const prefix = parsePrefix(ip.address);
    const subnet = formatPrefix(networkOf(prefix));
    // Chain names hold no colons.
    const chain = `masquerade_${subnet.replaceAll(":", "_")}`;
    const address = ip.address.slice(0, ip.address.indexOf("/"));
    return [
      {
        ...shared,
        ...inetTable,
        kind: "nft-chain",
        chain,
        rules: [
          `${daddr[prefix.family]} ${subnet} return`,
          `${multicast[prefix.family]} return`,
          "masquerade",
        ],
      },
      {
        ...owned,
        ...inetTable,
        kind: "nft-element",
        set: maps[prefix.family],
        key: [prefix.family === 4 ? { ipv4: address } : { ipv6: address }],
        data: { jump: chain },
        comment: port.alias,
      },
    ];
  });
}
