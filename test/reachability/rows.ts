/** Rows of docs/design/reachability.md: a network type each, and whom its containers reach. */
import type { Feature } from "../support/kernel-features.ts";

/** Who is there besides the container. */
export const parties = ["sibling", "host", "lan", "outside"] as const;
export type Party = (typeof parties)[number];

/**
 * `both`: each reaches the other. `out`: the container reaches it, not the reverse. `in`: the
 * reverse alone. `none`. All with IPv4 and with IPv6 alike.
 */
export type Reach = "both" | "out" | "in" | "none";

export interface Row {
  /** As the document's first column has it. */
  readonly name: string;
  /**
   * The plugin's keys, without `ipam`. The host's link on the LAN is "uplink"; `$LAN` stands for
   * the hardware address of the other host on the LAN.
   */
  readonly config: { readonly type: string; readonly [key: string]: unknown };
  /** Where its addresses are from: the LAN's subnets, or subnets that the LAN does not know. */
  readonly addresses: "of the LAN" | "its own";
  /** The LAN is this VLAN on the host's link, not what is untagged there. */
  readonly vlan?: number;
  /** `-` for a sibling that cannot be. */
  readonly reach: Readonly<Record<Party, Reach | "-">>;
  /** What the kernel must have; without it the row is tried in the VM alone. */
  readonly needs?: readonly Feature[];
}

/** In the order of `parties`. */
const reach = (sibling: Reach | "-", host: Reach, lan: Reach, outside: Reach) => ({
  sibling,
  host,
  lan,
  outside,
});

const bridge = { type: "bridge", bridge: "br0", isGateway: true } as const;
const macvlan = (mode: string, more: object = {}): Row => ({
  name: `macvlan, mode ${mode}`,
  config: { type: "macvlan", master: "uplink", mode, ...more },
  addresses: "of the LAN",
  reach: reach("none", "none", "both", "both"),
});

const ipvlan = (mode: string, flag?: string): Row => ({
  name: `ipvlan, mode ${mode}${flag ? `, flag ${flag}` : ""}`,
  config: { type: "ipvlan", master: "uplink", mode, ...(flag && { flag }) },
  addresses: "of the LAN",
  reach: reach(flag ? "none" : "both", "none", "both", "both"),
  needs: ["ipvlan"],
});
/** The host looks up routes for its containers; the LAN knows no way back to them. */
const routedIpvlan = (mode: string): Row => ({
  ...ipvlan(mode),
  addresses: "its own",
  reach: reach("both", "none", "none", "none"),
});
const inVlan = (row: Row): Row => ({
  ...row,
  name: `${row.name}, "vlan": 100`,
  config: { ...row.config, vlan: 100 },
  vlan: 100,
  needs: [...(row.needs ?? []), "vlan"],
});

export const rows: readonly Row[] = [
  {
    name: "bridge, isGateway",
    config: bridge,
    addresses: "its own",
    reach: reach("both", "both", "none", "none"),
  },
  {
    name: "bridge, isGateway, ipMasq",
    config: { ...bridge, ipMasq: true },
    addresses: "its own",
    reach: reach("both", "both", "out", "out"),
  },
  {
    name: "bridge, without gateway",
    config: { type: "bridge", bridge: "br0" },
    addresses: "its own",
    reach: reach("both", "none", "none", "none"),
  },
  {
    name: "bridge, isGateway, portIsolation",
    config: { ...bridge, portIsolation: true },
    addresses: "its own",
    reach: reach("none", "both", "none", "none"),
  },
  {
    name: "bridge, uplink",
    config: { type: "bridge", bridge: "br0", uplink: "uplink" },
    addresses: "of the LAN",
    reach: reach("both", "both", "both", "both"),
  },
  {
    name: "bridge, uplink, portIsolation",
    config: { type: "bridge", bridge: "br0", uplink: "uplink", portIsolation: true },
    addresses: "of the LAN",
    reach: reach("none", "both", "both", "both"),
  },
  {
    name: "ptp",
    config: { type: "ptp" },
    addresses: "its own",
    reach: reach("both", "both", "none", "none"),
  },
  {
    name: "ptp, ipMasq",
    config: { type: "ptp", ipMasq: true },
    addresses: "its own",
    reach: reach("both", "both", "out", "out"),
  },
  {
    name: "routed",
    config: { type: "netloom", driver: "routed" },
    addresses: "its own",
    reach: reach("both", "both", "out", "out"),
  },
  {
    name: "routed, ipMasq off",
    config: { type: "netloom", driver: "routed", ipMasq: false },
    addresses: "its own",
    reach: reach("both", "both", "none", "none"),
  },
  { ...macvlan("bridge"), reach: reach("both", "none", "both", "both") },
  {
    ...macvlan("bridge", { hostShim: true }),
    name: "macvlan, mode bridge, hostShim",
    reach: reach("both", "both", "both", "both"),
  },
  macvlan("private"),
  macvlan("vepa"),
  { ...macvlan("passthru"), reach: reach("-", "none", "both", "both") },
  {
    ...macvlan("source", { allowedMacs: ["$LAN"] }),
    name: "macvlan, mode source, allowing the other host on the LAN",
  },
  inVlan({ ...macvlan("bridge"), reach: reach("both", "none", "both", "both") }),
  ipvlan("l2"),
  ipvlan("l2", "private"),
  ipvlan("l2", "vepa"),
  inVlan(ipvlan("l2")),
  routedIpvlan("l3"),
  routedIpvlan("l3s"),
  {
    name: "vlan",
    config: { type: "vlan", master: "uplink", vlanId: 100 },
    vlan: 100,
    addresses: "of the LAN",
    reach: reach("-", "none", "both", "both"),
    needs: ["vlan"],
  },
  {
    name: "host-device",
    config: { type: "host-device", device: "uplink" },
    addresses: "of the LAN",
    reach: reach("-", "none", "both", "both"),
  },
  {
    name: "dummy",
    config: { type: "dummy" },
    addresses: "its own",
    reach: reach("none", "none", "none", "none"),
    needs: ["dummy"],
  },
  {
    name: "tap, opened by nobody",
    config: { type: "tap" },
    addresses: "its own",
    reach: reach("none", "none", "none", "none"),
  },
];
