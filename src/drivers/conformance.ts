/** The shared exam of network types: what each is tried with. Every driver has its entries here. */
import type { PortRoute } from "../model/port.ts";
import { bridge } from "./bridge.ts";
import type { Driver } from "./driver.ts";
import { dummy } from "./dummy.ts";
import { hostDevice } from "./host-device.ts";
import { ipvlan } from "./ipvlan.ts";
import { macvlan } from "./macvlan.ts";
import { ptp } from "./ptp.ts";
import { routed } from "./routed.ts";
import { tap } from "./tap.ts";
import { vlan } from "./vlan.ts";

/** A network to sit the exam with: its containers have addresses of both families. */
export interface Candidate {
  /** What is special about it. */
  readonly name: string;
  readonly driver: Driver<any>;
  /** As the user writes it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly routes?: readonly PortRoute[];
  /** The host has links "lan" and "far", joined: the exam's parent, and what is outside. */
  readonly onParent?: true;
  /** The host does not reach the containers, nor they the host. */
  readonly withoutHost?: boolean;
  /** Nor do they reach each other. */
  readonly withoutSiblings?: true;
  /** There can be no second container. */
  readonly single?: true;
  /** What the kernel must have beyond that of the test machine, in the words of `needs`. */
  readonly needs?: readonly ("dummy" | "ipvlan" | "vlan")[];
}

const bothDefaults: readonly PortRoute[] = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];

export const candidates: readonly Candidate[] = [
  { name: "bridge without gateway", driver: bridge, config: {}, withoutHost: true },
  { name: "bridge as gateway", driver: bridge, config: { isGateway: true } },
  {
    name: "bridge with everything",
    driver: bridge,
    config: {
      bridge: "nlexam0",
      isDefaultGateway: true,
      forceAddress: true,
      ipMasq: true,
      macspoofchk: true,
      hairpinMode: true,
      mtu: 1400,
    },
  },
  {
    name: "bridge in promiscuous mode, with routes",
    driver: bridge,
    config: { isGateway: true, promiscMode: true, ipMasq: true },
    routes: [...bothDefaults, { dst: "192.0.2.0/24", priority: 50, mtu: 1300 }],
  },
  {
    name: "bridge with duplicate address detection",
    driver: bridge,
    config: { isGateway: true, enabledad: true },
  },
  {
    name: "macvlan",
    driver: macvlan,
    config: { master: "lan", mtu: 1400 },
    onParent: true,
    withoutHost: true,
  },
  {
    name: "macvlan with duplicate address detection and routes",
    driver: macvlan,
    config: { parent: "lan", mode: "bridge", enabledad: true, bcqueuelen: 3000 },
    routes: [...bothDefaults, { dst: "192.0.2.0/24", priority: 50, mtu: 1300 }],
    onParent: true,
    withoutHost: true,
  },
  {
    name: "macvlan in a VLAN of its parent",
    driver: macvlan,
    config: { master: "lan", vlan: 100 },
    onParent: true,
    withoutHost: true,
    needs: ["vlan"],
  },
  {
    name: "ipvlan",
    driver: ipvlan,
    config: { master: "lan", mtu: 1400 },
    onParent: true,
    withoutHost: true,
    needs: ["ipvlan"],
  },
  {
    name: "ipvlan with duplicate address detection in a VLAN of its parent",
    driver: ipvlan,
    config: { parent: "lan", vlan: 4094, enabledad: true },
    routes: bothDefaults,
    onParent: true,
    withoutHost: true,
    needs: ["ipvlan", "vlan"],
  },
  {
    name: "ipvlan in mode l3",
    driver: ipvlan,
    config: { master: "lan", mode: "l3" },
    routes: bothDefaults,
    onParent: true,
    withoutHost: true,
    needs: ["ipvlan"],
  },
  {
    name: "ipvlan in mode l3s",
    driver: ipvlan,
    config: { master: "lan", mode: "l3s", flag: "bridge" },
    routes: [{ dst: "192.0.2.0/24", priority: 50, mtu: 1300 }],
    onParent: true,
    withoutHost: true,
    needs: ["ipvlan"],
  },
  {
    name: "ipvlan of links that are kept apart",
    driver: ipvlan,
    config: { master: "lan", flag: "private" },
    onParent: true,
    withoutHost: true,
    withoutSiblings: true,
    needs: ["ipvlan"],
  },
  {
    name: "tap",
    driver: tap,
    config: { owner: 1000, group: 0, multiQueue: true, mtu: 1400 },
    routes: [{ dst: "192.0.2.0/24" }],
    withoutHost: true,
    withoutSiblings: true,
  },
  {
    name: "vlan",
    driver: vlan,
    config: { master: "lan", vlanId: 100, mtu: 1400 },
    routes: bothDefaults,
    onParent: true,
    withoutHost: true,
    single: true,
    needs: ["vlan"],
  },
  {
    name: "dummy",
    driver: dummy,
    config: {},
    routes: [{ dst: "192.0.2.0/24" }],
    withoutHost: true,
    withoutSiblings: true,
    needs: ["dummy"],
  },
  {
    name: "host-device",
    driver: hostDevice,
    config: { device: "lan" },
    onParent: true,
    withoutHost: true,
    single: true,
  },
  { name: "ptp", driver: ptp, config: {}, routes: bothDefaults },
  { name: "ptp with masquerading", driver: ptp, config: { ipMasq: true, mtu: 1400 } },
  { name: "routed", driver: routed, config: { ipMasq: false }, routes: bothDefaults },
  {
    name: "routed with everything",
    driver: routed,
    config: { mtu: 1400, ipspoofchk: true, unmasqueraded: ["192.0.2.0/24", "2001:db8::/32"] },
    routes: [...bothDefaults, { dst: "192.0.2.0/24", priority: 50, mtu: 1300 }],
  },
];

/** Addresses of the exam's container `n`, counted from 1, and their gateways. */
export function examAddresses(n: number) {
  return {
    ips: [`10.88.0.${n + 1}/24`, `fd00:88::${(n + 1).toString(16)}/64`],
    gateways: ["10.88.0.1", "fd00:88::1"],
  };
}
