/**
 * What stands in the host's namespace for its VXLAN links that are not encrypted: the kernel takes
 * a wrapped packet from anybody, this table from other hosts of the cluster alone. Pure.
 */
import { vxlanGuardPorts, vxlanGuardTable } from "../../model/encapsulation.ts";
import type { NftTableSpec } from "../../model/nft.ts";

/** A VXLAN link of ours: others on the same UDP port have other identifiers. */
export interface Segment {
  /** UDP port. */
  readonly port: number;
  /** VXLAN network identifier. */
  readonly vni: number;
}

/** Addresses of other hosts; the segments' ports, for who looks at the table from outside. */
export const guardSets = {
  hosts4: { name: "hosts4", key: ["ipv4_addr"] },
  hosts6: { name: "hosts6", key: ["ipv6_addr"] },
  ports: { name: vxlanGuardPorts, key: ["inet_service"] },
} as const;

/** Before anything of the host's own lets them pass. */
const priority = -310;

/** The identifier stands behind UDP's header and a word of flags. Source: RFC 7348, section 5. */
const identifier = "@th,96,24";
/** Any bits that a segment's packet has beyond UDP's header. */
const beyondUdp = "@th,64,8 != 0xff";

/** Of an agent's instance. Without segments it holds sets alone, and drops nothing. */
export function vxlanGuard(instance: string, segments: readonly Segment[]): NftTableSpec {
  const pairs = segments.map(({ port, vni }) => `${port} . ${vni}`);
  const ours = `udp dport . ${identifier} { ${[...new Set(pairs)].sort().join(", ")} }`;
  const isOpen = pairs.length === 0;
  return {
    ...{ family: "inet", name: vxlanGuardTable(instance) },
    ...{ sets: Object.values(guardSets), maps: [] },
    chains: [
      {
        name: "sender",
        rules: ["ip saddr @hosts4 return", "ip6 saddr @hosts6 return", "drop"],
      },
      // A first piece so short that it hides whose it is: no host of ours sends such.
      { name: "piece", rules: [`${beyondUdp} return`, "drop"] },
      {
        name: "input",
        // Behind the place where IPv4's pieces are put together; IPv6's are later.
        hook: { type: "filter", hook: "input", priority },
        rules: isOpen
          ? []
          : [`${ours} jump sender`, "exthdr frag exists udp dport @ports jump piece"],
      },
      {
        name: "forward",
        hook: { type: "filter", hook: "forward", priority },
        // A container's, which may bear the host's address when it leaves.
        rules: isOpen
          ? []
          : ["ip", "ip6"].map((family) => {
              const hosts = family === "ip" ? "@hosts4" : "@hosts6";
              return `${ours} ${family} daddr ${hosts} ${family} saddr != ${hosts} drop`;
            }),
      },
    ],
  };
}
