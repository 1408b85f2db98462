/** The table that the exam is about. */
import type { NftTableSpec } from "../../model/nft.ts";

/** A small skeleton with everything that ours has. */
export const examTable: NftTableSpec = {
  family: "inet",
  name: "netloom_exam",
  sets: [{ name: "pairs", key: ["ifname", "ifname"] }],
  maps: [
    { name: "ways", key: ["ipv4_addr"], data: "verdict" },
    {
      name: "ports",
      key: ["inet_proto", "inet_service"],
      data: ["ipv4_addr", "inet_service"],
    },
  ],
  chains: [
    { name: "target", rules: ["ip daddr 10.0.0.0/8 return", "masquerade"] },
    { name: "translate", rules: ["dnat ip to meta l4proto . th dport map @ports"] },
    {
      name: "incoming",
      hook: { type: "nat", hook: "prerouting", priority: -110 },
      rules: ["ip protocol 6 jump translate"],
    },
    {
      name: "leaving",
      hook: { type: "nat", hook: "postrouting", priority: 90 },
      rules: ["iifname . oifname @pairs masquerade", "ip saddr vmap @ways"],
    },
    { name: "spare", rules: [] },
  ],
};
