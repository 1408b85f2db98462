/** What a guarded link may not send, as rules: data for `link-guard.ts`. Pure. */
import { ipToBytes } from "../../lib/ip.ts";
import { linkLocalOf } from "../../lib/link-local.ts";

/** What a link's guard lets out. */
export interface GuardSpec {
  /** Routers' advertisements are dropped. */
  readonly dropsRouterAdverts: boolean;
  /** Frames with another source address are dropped; absent: any may go. */
  readonly mac?: string;
  /**
   * Packets and ARP and ND announcements from or of other addresses are dropped; absent: any may
   * go. Without prefix lengths. Needs `mac`.
   */
  readonly addresses?: readonly string[];
}

/** Compares bytes of a frame, or what the kernel knows of it. */
export interface GuardMatch {
  /** Offset in bytes behind the start of a header, or a word of the kernel's own. */
  readonly at: readonly ["link" | "network" | "transport", number] | "protocol" | "l4proto";
  readonly not?: true;
  readonly value: Uint8Array;
}

/** All matches hold: then the verdict. */
export interface GuardRule {
  readonly chain: string;
  readonly matches: readonly GuardMatch[];
  readonly verdict: "accept" | "drop" | { readonly goto: string };
}

/** The chain that every frame passes. */
export const guardChain = "out";

const etherType = { ip: [0x08, 0x00], arp: [0x08, 0x06], ip6: [0x86, 0xdd] } as const;
type EtherType = keyof typeof etherType;
const icmp6 = { protocol: 58, routerAdvert: 134, neighbourAdvert: 136 } as const;

const bytes = (...values: number[]) => Uint8Array.from(values);
const macBytes = (mac: string) => Uint8Array.fromHex(mac.replaceAll(":", ""));

const ether = (type: EtherType): GuardMatch => ({
  at: ["link", 12],
  value: bytes(...etherType[type]),
});
const protocol = (type: EtherType): GuardMatch => ({
  at: "protocol",
  value: bytes(...etherType[type]),
});
/** The kernel has passed over extension headers, and so does the receiver. */
const icmp6Type = (type: number): GuardMatch[] => [
  { at: "l4proto", value: bytes(icmp6.protocol) },
  { at: ["transport", 0], value: bytes(type) },
];
const from = (offset: number, address: string): GuardMatch => ({
  at: ["network", offset],
  value: ipToBytes(address),
});

/** Rules in order; those of one chain follow each other. A frame that passes them all may go. */
export function guardRules(spec: GuardSpec): GuardRule[] {
  const { dropsRouterAdverts, mac, addresses } = spec;
  const types: readonly EtherType[] = addresses ? ["ip", "arp", "ip6"] : ["ip6"];
  const drop = (...matches: GuardMatch[]): GuardRule => ({
    chain: guardChain,
    matches,
    verdict: "drop",
  });
  return [
    // A packet socket may tell the kernel another protocol than its frame has: no other rule
    // would see what it is.
    ...types.map((type) => drop(ether(type), { ...protocol(type), not: true })),
    ...(dropsRouterAdverts ? [drop(protocol("ip6"), ...icmp6Type(icmp6.routerAdvert))] : []),
    ...(mac === undefined ? [] : [drop({ at: ["link", 6], not: true, value: macBytes(mac) })]),
    ...(addresses && mac !== undefined ? addressRules(addresses, mac) : []),
  ];
}

/** A chain for each protocol: its allowed senders, and `drop` behind them. */
function addressRules(addresses: readonly string[], mac: string): GuardRule[] {
  const v4 = [...addresses.filter((address) => !address.includes(":")), "0.0.0.0"];
  const own6 = [...addresses.filter((address) => address.includes(":")), linkLocalOf(mac)];
  const v6 = [...own6, "::"];
  const accept = (chain: string, ...matches: GuardMatch[]): GuardRule => ({
    chain,
    matches,
    verdict: "accept",
  });
  const dropRest = (chain: string): GuardRule => ({ chain, matches: [], verdict: "drop" });
  const goto = (chain: string, to: string, ...matches: GuardMatch[]): GuardRule => ({
    chain,
    matches,
    verdict: { goto: to },
  });
  return [
    goto(guardChain, "arp", protocol("arp")),
    goto(guardChain, "ip4", protocol("ip")),
    goto(guardChain, "ip6", protocol("ip6")),
    // struct arphdr with Ethernet and IPv4: the sender's addresses stand at 8 and 14.
    {
      chain: "arp",
      matches: [{ at: ["network", 8], not: true, value: macBytes(mac) }],
      verdict: "drop",
    },
    ...v4.map((address) => accept("arp", from(14, address))),
    dropRest("arp"),
    ...v4.map((address) => accept("ip4", from(12, address))),
    dropRest("ip4"),
    goto("ip6", "na", ...icmp6Type(icmp6.neighbourAdvert)),
    goto("ip6", "ip6from"),
    // The target of an advertisement is the address that it is about.
    ...own6.map((address) =>
      goto("na", "ip6from", { at: ["transport", 8], value: ipToBytes(address) }),
    ),
    dropRest("na"),
    ...v6.map((address) => accept("ip6from", from(8, address))),
    dropRest("ip6from"),
  ];
}
