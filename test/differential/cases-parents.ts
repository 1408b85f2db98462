/** Configurations of ipvlan, vlan and dummy, which only the VM's kernel has. */
import { lan } from "../support/test-host.ts";
import { type Case, defaultRoutes, hostLocal, list, subnet4, subnet6 } from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

/** On the host's own network, or in subnets of their own. */
const onLan = { subnet: "198.51.100.0/24", rangeStart: "198.51.100.100", gateway: lan.outside4 };
const lanIpam = hostLocal([], { ranges: [[onLan]] });
const dualIpam = hostLocal([subnet4, subnet6], { routes: defaultRoutes });

const ipvlan = (more: Keys = {}): Keys => ({
  type: "ipvlan",
  master: "uplink",
  ipam: lanIpam,
  ...more,
});
const vlan = (more: Keys = {}): Keys => ({
  type: "vlan",
  master: "uplink",
  vlanId: 100,
  ipam: hostLocal(),
  ...more,
});
const dummy = (more: Keys = {}): Keys => ({ type: "dummy", ipam: hostLocal(), ...more });

/** Only the container has the parent. */
const inside = {
  inContainer:
    "ip link add inner type veth peer name innerpeer; ip link set inner up; ip link set innerpeer up",
};

const ipvlans: Case[] = [
  ...["0.1.0", "0.4.0"].map(
    (cniVersion): Case => ({
      name: `ipvlan at ${cniVersion}`,
      list: list(ipvlan(), { cniVersion }),
    }),
  ),
  { name: "ipvlan of two containers", list: list(ipvlan()), containers: 2, traffic: true },
  {
    name: "ipvlan in mode l2, by name, dual stack",
    list: list(ipvlan({ mode: "l2", ipam: dualIpam })),
    containers: 2,
  },
  {
    name: "ipvlan in mode l3",
    list: list(ipvlan({ mode: "l3", ipam: dualIpam })),
    containers: 2,
  },
  {
    name: "ipvlan in mode l3s",
    list: list(ipvlan({ mode: "l3s", ipam: dualIpam })),
    containers: 2,
  },
  { name: "ipvlan with an MTU", list: list(ipvlan({ mtu: 1400 })) },
  {
    name: "ipvlan on a parent with a smaller MTU",
    list: list(ipvlan()),
    host: { uplinkMtu: 1400 },
  },
  {
    name: "ipvlan with a larger MTU than its parent's",
    list: list(ipvlan({ mtu: 1501 })),
  },
  { name: "ipvlan on the default route's link", list: list(ipvlan({ master: undefined })) },
  {
    name: "ipvlan without a master on a host without default routes",
    list: list(ipvlan({ master: undefined })),
    host: { prepare: "ip route del default; ip -6 route del default" },
    refused: true,
  },
  {
    name: "ipvlan without an ipam section",
    list: list(ipvlan({ ipam: undefined })),
    refused: true,
  },
  {
    name: "ipvlan with a static address",
    list: list(ipvlan({ ipam: { type: "static", addresses: [{ address: "198.51.100.77/24" }] } })),
  },
  {
    name: "ipvlan on a link in the container",
    list: list(ipvlan({ master: "inner", linkInContainer: true, ipam: dualIpam })),
    ...inside,
  },
  {
    name: "ipvlan on a parent that is down",
    list: list(ipvlan({ master: "cable", ipam: hostLocal() })),
    host: { prepare: "ip link add cable type veth peer name cablepeer" },
  },
  { name: "ipvlan whose namespace has gone", list: list(ipvlan()), vanished: true },
  {
    name: "ipvlan behind a plugin that made its parent",
    list: list(ipvlan({ master: undefined, ipam: undefined })),
    prevResult: {
      cniVersion: "1.1.0",
      interfaces: [{ name: "uplink" }],
      ips: [{ address: "198.51.100.88/24", gateway: "198.51.100.2" }],
      routes: [{ dst: "0.0.0.0/0" }, { dst: "192.0.2.0/24", gw: "198.51.100.9" }],
    },
  },
  {
    name: "ipvlan behind a plugin that made two links",
    list: list(ipvlan({ master: undefined })),
    prevResult: { cniVersion: "1.1.0", interfaces: [{ name: "uplink" }, { name: "other" }] },
    refused: true,
  },
];

const vlans: Case[] = [
  { name: "vlan", list: list(vlan()) },
  { name: "vlan at 0.3.1", list: list(vlan(), { cniVersion: "0.3.1" }) },
  { name: "vlan 4094", list: list(vlan({ vlanId: 4094 })) },
  { name: "vlan 0, as no number", list: list(vlan({ vlanId: undefined })) },
  { name: "vlan with an MTU", list: list(vlan({ mtu: 1300 })) },
  {
    name: "vlan with a larger MTU than its parent's",
    list: list(vlan({ mtu: 1501 })),
    refused: true,
  },
  { name: "vlan without a master", list: list(vlan({ master: undefined })), refused: true },
  { name: "the same vlan for two containers", list: list(vlan()), containers: 2, refused: true },
  {
    name: "vlan on a parent that is down",
    list: list(vlan({ master: "cable" })),
    host: { prepare: "ip link add cable type veth peer name cablepeer" },
    refused: true,
  },
  {
    name: "vlan on a link in the container",
    list: list(vlan({ master: "inner", linkInContainer: true, ipam: dualIpam })),
    ...inside,
  },
  { name: "vlan whose namespace has gone", list: list(vlan()), vanished: true },
];

const dummies: Case[] = [
  { name: "dummy", list: list(dummy()) },
  { name: "dummy at 0.2.0", list: list(dummy(), { cniVersion: "0.2.0" }) },
  { name: "dummy of two containers", list: list(dummy()), containers: 2 },
  { name: "dummy, dual stack with routes", list: list(dummy({ ipam: dualIpam })) },
  {
    name: "dummy with a static address",
    list: list(
      dummy({
        ipam: {
          type: "static",
          addresses: [{ address: "10.5.0.7/32" }],
          routes: [{ dst: "192.0.2.0/24" }],
        },
      }),
    ),
  },
  {
    name: "dummy whose resolver IPAM gives",
    list: list(
      dummy({
        ipam: {
          type: "static",
          addresses: [{ address: "10.5.0.7/24" }],
          dns: { nameservers: ["192.0.2.53"] },
        },
      }),
    ),
  },
  { name: "dummy without an ipam section", list: list(dummy({ ipam: undefined })), refused: true },
  { name: "dummy whose namespace has gone", list: list(dummy()), vanished: true },
];

/** Each with what the kernel must have for it. */
export const parentCases: readonly Case[] = [
  ...ipvlans.map((item): Case => ({ ...item, needs: ["ipvlan"] })),
  ...vlans.map((item): Case => ({ ...item, needs: ["vlan"] })),
  ...dummies.map((item): Case => ({ ...item, needs: ["dummy"] })),
];
