/** Configurations of the macvlan plugin. */
import { lan } from "../support/test-host.ts";
import { type Case, defaultRoutes, hostLocal, list, subnet4, subnet6, versions } from "./case.ts";

type Keys = Readonly<Record<string, unknown>>;

function macvlan(more: Keys = {}): Keys {
  return { type: "macvlan", master: "uplink", ipam: hostLocal(), ...more };
}

/** Addresses of the network that the uplink is in, behind those of the host and the outside. */
function ofTheLan(more: Keys = {}): Keys {
  const prefix = (address: string, n: number) => address.replace(/[^.:]+$/, String(n));
  const ranges = [
    [
      {
        subnet: prefix(lan.host4, 0).concat("/24"),
        rangeStart: prefix(lan.host4, 10),
        gateway: lan.outside4,
      },
    ],
    [{ subnet: "2001:db8:100::/64", rangeStart: "2001:db8:100::10", gateway: lan.outside6 }],
  ];
  return { type: "host-local", dataDir: "$DATA", ranges, routes: defaultRoutes, ...more };
}

const modes: Case[] = ["bridge", "private", "vepa"].map((mode) => ({
  name: `macvlan in mode ${mode}`,
  list: list(macvlan({ mode, ipam: ofTheLan() })),
  containers: 2,
  traffic: true,
}));

const links: Case[] = [
  { name: "macvlan in no mode", list: list(macvlan({ mode: "" })), containers: 2 },
  {
    name: "macvlan in mode passthru",
    list: list(macvlan({ mode: "passthru", ipam: ofTheLan() })),
  },
  {
    name: "macvlan in mode passthru a second time",
    list: list(macvlan({ mode: "passthru" })),
    containers: 2,
    refused: true,
  },
  { name: "macvlan in an unknown mode", list: list(macvlan({ mode: "bridged" })), refused: true },
  { name: "macvlan without addresses", list: list(macvlan({ ipam: {} })) },
  {
    name: "macvlan without an ipam section",
    list: list({ type: "macvlan", master: "uplink" }),
    containers: 2,
  },
  {
    name: "macvlan on the link of the default route",
    list: list({ type: "macvlan", ipam: ofTheLan() }),
    traffic: true,
  },
  {
    name: "macvlan without a default route",
    list: list({ type: "macvlan" }),
    host: { prepare: "ip route del default; ip -6 route del default" },
    refused: true,
  },
  {
    name: "macvlan on the link of the IPv6 default route",
    list: list({ type: "macvlan", ipam: hostLocal() }),
    host: { prepare: "ip route del default" },
  },
  {
    name: "macvlan on a link that isn't there",
    list: list(macvlan({ master: "nil" })),
    refused: true,
  },
  {
    name: "macvlan on a bridge",
    list: list(macvlan({ master: "br9" })),
    host: { prepare: "ip link add br9 type bridge; ip link set br9 up" },
    containers: 2,
  },
  {
    name: "macvlan on a port of a bridge",
    list: list(macvlan({ master: "port9" })),
    host: {
      prepare: `ip link add br9 type bridge; ip link add port9 type veth peer name far9
        ip link set port9 master br9 up; ip link set br9 up`,
    },
    refused: true,
  },
  {
    name: "macvlan on a macvlan of the host's",
    list: list(macvlan({ master: "mv9" })),
    host: { prepare: "ip link add link uplink mv9 type macvlan mode bridge; ip link set mv9 up" },
  },
  {
    name: "macvlan on a link that is down",
    list: list(macvlan({ master: "down9" })),
    host: { prepare: "ip link add down9 type veth peer name far9" },
  },
  {
    name: "macvlan in the container on its other link",
    list: list([
      { type: "bridge", bridge: "br0" },
      { type: "macvlan", master: "net0", linkInContainer: true, ipam: hostLocal() },
    ]),
    refused: true,
  },
];

const fields: Case[] = [
  { name: "macvlan with an mtu", list: list(macvlan({ mtu: 1400 })) },
  { name: "macvlan with mtu 0", list: list(macvlan({ mtu: 0 })), host: { uplinkMtu: 1400 } },
  {
    name: "macvlan with its parent's mtu",
    list: list(macvlan({ mtu: 1400 })),
    host: { uplinkMtu: 1400 },
  },
  { name: "macvlan larger than its parent", list: list(macvlan({ mtu: 1501 })), refused: true },
  { name: "macvlan with a negative mtu", list: list(macvlan({ mtu: -1 })), refused: true },
  { name: "macvlan with an mtu as text", list: list(macvlan({ mtu: "1400" })), refused: true },
  { name: "macvlan with a long queue", list: list(macvlan({ bcqueuelen: 5000 })) },
  { name: "macvlan with a short queue", list: list(macvlan({ bcqueuelen: 10 })), containers: 2 },
  { name: "macvlan with a queue of 0", list: list(macvlan({ bcqueuelen: 0 })) },
  { name: "macvlan with a negative queue", list: list(macvlan({ bcqueuelen: -1 })), refused: true },
  { name: "macvlan with a MAC address", list: list(macvlan({ mac: "02:11:22:33:44:55" })) },
  {
    name: "macvlan with a MAC address of the runtime before its own",
    list: list(
      macvlan({
        mac: "02:11:22:33:44:55",
        capabilities: { mac: true },
        runtimeConfig: { mac: "02:11:22:33:44:66" },
      }),
    ),
    cniArgs: "IgnoreUnknown=1;MAC=02:11:22:33:44:77",
  },
  {
    name: "macvlan with a MAC address in CNI_ARGS before its own",
    list: list(macvlan({ mac: "02:11:22:33:44:55" })),
    cniArgs: "MAC=02:11:22:33:44:77;IgnoreUnknown=1",
  },
  {
    name: "macvlan with a MAC address that is none",
    list: list(macvlan({ mac: "02:11:22:33:44" })),
    refused: true,
  },
  {
    name: "macvlan with a group MAC address",
    list: list(macvlan({ mac: "03:11:22:33:44:55" })),
    refused: true,
  },
  {
    name: "macvlan with IPv6 addresses alone",
    list: list(macvlan({ ipam: hostLocal([subnet6]) })),
  },
  {
    name: "macvlan with both families and routes",
    list: list(
      macvlan({
        ipam: hostLocal([subnet4, subnet6], {
          routes: [...defaultRoutes, { dst: "192.0.2.0/24", gw: "10.5.0.9" }],
        }),
      }),
    ),
    containers: 2,
  },
  {
    name: "macvlan with DNS settings",
    list: list(macvlan({ dns: { nameservers: ["10.5.0.53"], search: ["example.org"] } })),
  },
  {
    name: "macvlan with a static address",
    list: list(
      macvlan({
        ipam: {
          type: "static",
          addresses: [{ address: "198.51.100.77/24", gateway: lan.outside4 }],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      }),
    ),
    traffic: true,
  },
  { name: "macvlan on another interface name", list: list(macvlan()), ifName: "net1" },
  {
    name: "macvlan whose IPAM is the reference's",
    list: list(macvlan({ ipam: ofTheLan() })),
    foreign: ["host-local"],
    traffic: true,
  },
  {
    name: "macvlan with an IPAM plugin that isn't there",
    list: list(macvlan({ ipam: { type: "nowhere" } })),
    refused: true,
  },
  { name: "macvlan when the namespace has gone", list: list(macvlan()), vanished: true },
  {
    name: "one netloom plugin for macvlan",
    list: list(macvlan({ ipam: ofTheLan() })),
    ourList: list(macvlan({ type: "netloom", driver: "macvlan", ipam: ofTheLan() })),
    containers: 2,
    traffic: true,
  },
  { name: "macvlan with unknown keys", list: list(macvlan({ colour: "blue" })) },
];

const byVersion: Case[] = versions.map((cniVersion) => ({
  name: `macvlan at ${cniVersion}`,
  list: list(macvlan({ ipam: ofTheLan() }), { cniVersion }),
}));

export const macvlanCases = [...modes, ...links, ...fields, ...byVersion];
