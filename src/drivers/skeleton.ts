/** Our nftables tables, static: what differs from port to port lives in their sets and maps. */
import type { NftTableSpec } from "../model/nft.ts";

/** Placement of objects in the table that translates addresses. */
export const inetTable = { family: "inet", table: "netloom_cni" } as const;

/** Placement of objects in the table that guards bridges. */
export const bridgeTable = { family: "bridge", table: "netloom_cni" } as const;

/** A chain of ours that an administrator fills; names of iptables stand behind the prefix. */
export const adminPrefix = "admin-";
/** All networks' unless they name another. */
export const sharedAdminChain = `${adminPrefix}CNI-ADMIN`;

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
      { name: "unreflected4", key: ["ipv4_addr", "ipv4_addr"] },
      { name: "unreflected6", key: ["ipv6_addr", "ipv6_addr"] },
      { name: "localnet_targets", key: ["ipv4_addr"] },
      { name: "forwarded", key: ["ifname"] },
      { name: "isolating", key: ["ifname"] },
      { name: "isolated", key: ["ifname"] },
      { name: "same_bridge", key: ["ifname", "ifname"] },
      { name: "source_guarded", key: ["ifname"] },
      { name: "sources4", key: ["ifname", "ipv4_addr"] },
      { name: "sources6", key: ["ifname", "ipv6_addr"] },
    ],
    maps: [
      { name: "admin", key: ["ifname"], data: "verdict" },
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
        name: "own_sources",
        rules: ["iifname . ip saddr != @sources4 drop", "iifname . ip6 saddr != @sources6 drop"],
      },
      {
        name: "guard",
        hook: { type: "filter", hook: "prerouting", priority: -300 },
        // route_localnet lets published ports answer on 127.0.0.1; neighbours must not profit.
        rules: [
          'iifname != "lo" ip daddr 127.0.0.0/8 drop',
          'iifname != "lo" ip saddr 127.0.0.0/8 drop',
          "iifname @source_guarded jump own_sources",
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
      { name: sharedAdminChain, kept: true, rules: [] },
      {
        name: "forward",
        hook: { type: "filter", hook: "forward", priority: -10 },
        rules: [
          "iifname @isolated oifname @isolated drop",
          "iifname @isolating oifname @isolating iifname . oifname != @same_bridge drop",
          `jump ${sharedAdminChain}`,
          "iifname vmap @admin",
          "oifname vmap @admin",
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
          // Asked of a connection's first packet only; a dropped one begins none.
          "ct status dnat ip saddr . ip daddr @unreflected4 drop",
          "ct status dnat ip6 saddr . ip6 daddr @unreflected6 drop",
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
      { name: "ra_allowed", key: ["ifname"] },
      { name: "ra_guarded", key: ["ifname"] },
      { name: "ip_guarded", key: ["ifname"] },
      { name: "allowed4", key: ["ifname", "ether_addr", "ipv4_addr"] },
      { name: "allowed6", key: ["ifname", "ether_addr", "ipv6_addr"] },
      { name: "nd_allowed", key: ["ifname", "ether_addr", "nd_target"] },
      { name: "isolated_ports", key: ["ifname"] },
    ],
    maps: [],
    chains: [
      {
        name: "own_addresses",
        rules: [
          "ether type arp iifname . arp saddr ether . arp saddr ip != @allowed4 drop",
          "ether type ip iifname . ether saddr . ip saddr != @allowed4 drop",
          "ether type ip6 iifname . ether saddr . ip6 saddr != @allowed6 drop",
          "icmpv6 type nd-neighbor-advert iifname . ether saddr . @th,64,128 != @nd_allowed drop",
        ],
      },
      {
        name: "prerouting",
        hook: { type: "filter", hook: "prerouting", priority: -300 },
        rules: [
          // Ports of ours alone: an uplink's router is nobody's container.
          'iifname "nl*" iifname != @ra_allowed icmpv6 type nd-router-advert drop',
          // Those that somebody else named.
          "iifname @ra_guarded icmpv6 type nd-router-advert drop",
          "iifname @mac_guarded iifname . ether saddr != @mac_allowed drop",
          "iifname @ip_guarded jump own_addresses",
        ],
      },
      {
        name: "forward",
        hook: { type: "filter", hook: "forward", priority: -10 },
        // Who may not talk may still ask who has an address.
        rules: [
          "iifname @isolated_ports ether type != arp drop",
          "oifname @isolated_ports ether type != arp drop",
        ],
      },
    ],
  },
];
