/** Our nftables tables, static: what differs from port to port lives in their sets and maps. */
import type { NftTableSpec } from "../model/nft.ts";

/** Placement of objects in the table that translates addresses. */
export const inetTable = { family: "inet", table: "netloom_cni" } as const;

/** Placement of objects in the table that guards bridges. */
export const bridgeTable = { family: "bridge", table: "netloom_cni" } as const;

const masqueradeBit = "0x01000000";
/** Marks forwarded packets that a foreign policy of dropping shall let pass. */
export const acceptedBit = "0x02000000";
const markMasquerade = `meta mark set meta mark | ${masqueradeBit}`;
const markAccepted = `meta mark set meta mark | ${acceptedBit}`;
const anyAddress = ["inet_proto", "inet_service"] as const;
const published = "fib daddr type local jump publish";

export const skeleton: readonly NftTableSpec[] = [
  {
    family: inetTable.family,
    name: inetTable.table,
    sets: [
      { name: "hairpin4", key: ["ifname", "ifname", "ipv4_addr"] },
      { name: "hairpin6", key: ["ifname", "ifname", "ipv6_addr"] },
      { name: "masquerade_all4", key: ["ipv4_addr"] },
      { name: "masquerade_all6", key: ["ipv6_addr"] },
      { name: "localnet_targets", key: ["ipv4_addr"] },
      { name: "forwarded", key: ["ifname"] },
    ],
    maps: [
      { name: "masquerade4", key: ["ipv4_addr"], data: "verdict" },
      { name: "masquerade6", key: ["ipv6_addr"], data: "verdict" },
      { name: "publish4", key: anyAddress, data: ["ipv4_addr", "inet_service"] },
      { name: "publish6", key: anyAddress, data: ["ipv6_addr", "inet_service"] },
      {
        name: "publish4_at",
        key: ["ipv4_addr", ...anyAddress],
        data: ["ipv4_addr", "inet_service"],
      },
      {
        name: "publish6_at",
        key: ["ipv6_addr", ...anyAddress],
        data: ["ipv6_addr", "inet_service"],
      },
    ],
    chains: [
      {
        name: "guard",
        hook: { type: "filter", hook: "prerouting", priority: -300 },
        // route_localnet lets published ports answer on 127.0.0.1; neighbours must not profit.
        rules: [
          'iifname != "lo" ip daddr 127.0.0.0/8 drop',
          'iifname != "lo" ip saddr 127.0.0.0/8 drop',
        ],
      },
      {
        name: "publish",
        rules: [
          "dnat ip to ip daddr . meta l4proto . th dport map @publish4_at",
          "dnat ip to meta l4proto . th dport map @publish4",
          // The kernel never routes a packet from ::1 off the host.
          "ip6 daddr ::1 return",
          "dnat ip6 to ip6 daddr . meta l4proto . th dport map @publish6_at",
          "dnat ip6 to meta l4proto . th dport map @publish6",
        ],
      },
      {
        name: "prerouting",
        hook: { type: "nat", hook: "prerouting", priority: -110 },
        rules: [published],
      },
      {
        name: "output",
        hook: { type: "nat", hook: "output", priority: -110 },
        rules: [published],
      },
      {
        name: "forward",
        hook: { type: "filter", hook: "forward", priority: -10 },
        rules: [
          `ct status dnat iifname . oifname . ip daddr @hairpin4 ${markMasquerade}`,
          `ct status dnat iifname . oifname . ip6 daddr @hairpin6 ${markMasquerade}`,
          `iifname @forwarded ${markAccepted}`,
          `oifname @forwarded ct state established,related ${markAccepted}`,
          `oifname @forwarded ct status dnat ${markAccepted}`,
        ],
      },
      {
        name: "postrouting",
        hook: { type: "nat", hook: "postrouting", priority: 90 },
        rules: [
          `ct status dnat meta mark & ${masqueradeBit} != 0 masquerade`,
          "ct status dnat ip saddr 127.0.0.0/8 ip daddr @localnet_targets masquerade",
          "ct status dnat ip daddr @masquerade_all4 masquerade",
          "ct status dnat ip6 daddr @masquerade_all6 masquerade",
          "ip saddr vmap @masquerade4",
          "ip6 saddr vmap @masquerade6",
        ],
      },
    ],
  },
  {
    family: bridgeTable.family,
    name: bridgeTable.table,
    sets: [
      { name: "mac_guarded", key: ["ifname"] },
      { name: "mac_allowed", key: ["ifname", "ether_addr"] },
    ],
    maps: [],
    chains: [
      {
        name: "prerouting",
        hook: { type: "filter", hook: "prerouting", priority: -300 },
        rules: ["iifname @mac_guarded iifname . ether saddr != @mac_allowed drop"],
      },
    ],
  },
];
