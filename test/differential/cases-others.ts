/** Configurations of ptp, loopback and portmap, and of chains with foreign plugins. */
import {
  bridge,
  type Case,
  defaultRoutes,
  hostLocal,
  list,
  portmap,
  ptp,
  subnet4,
  subnet6,
  usualBridge,
  versions,
} from "./case.ts";

const dualWithRoutes = hostLocal([subnet4, subnet6], { routes: defaultRoutes });

const ptps: Case[] = [
  { name: "ptp", list: list(ptp()), containers: 2, traffic: true },
  {
    name: "ptp with default routes and masquerade",
    list: list(ptp({ ipMasq: true, ipam: dualWithRoutes })),
    containers: 2,
    traffic: true,
  },
  {
    name: "ptp with masquerade by nftables",
    list: list(ptp({ ipMasq: true, ipMasqBackend: "nftables", ipam: dualWithRoutes })),
    traffic: true,
  },
  { name: "ptp with an mtu", list: list(ptp({ mtu: 1400 })) },
  {
    name: "ptp with DNS settings",
    list: list(ptp({ dns: { nameservers: ["10.1.1.1"], search: ["a.test"] } })),
  },
  {
    name: "ptp with an IPv6 subnet alone",
    list: list(ptp({ ipam: hostLocal([subnet6], { routes: [{ dst: "::/0" }] }) })),
    traffic: true,
  },
  {
    name: "ptp with a static address",
    list: list(
      ptp({
        ipam: { type: "static", addresses: [{ address: "10.5.0.9/24", gateway: "10.5.0.1" }] },
      }),
    ),
  },
  { name: "ptp without an ipam section", list: list({ type: "ptp" }), refused: true },
  ...["0.2.0", "0.3.1", "0.4.0", "1.0.0"].map((version): Case => {
    return {
      name: `ptp at ${version}`,
      list: list(ptp({ ipam: dualWithRoutes }), { cniVersion: version }),
    };
  }),
  { name: "ptp when the namespace has gone", list: list(ptp({ ipMasq: true })), vanished: true },
];

const loopbacks: Case[] = versions.map((version): Case => {
  return {
    name: `loopback at ${version}`,
    list: list({ type: "loopback" }, { cniVersion: version }),
    ifName: "lo",
  };
});

const tcp80 = { hostPort: 8080, containerPort: 80, protocol: "tcp" };
const udp53 = { hostPort: 5353, containerPort: 53, protocol: "udp" };

const published = (mappings: Parameters<typeof portmap>[0], more = {}) =>
  list([usualBridge(), portmap(mappings, more)]);

const portmaps: Case[] = [
  {
    name: "a TCP and a UDP port published",
    list: published([tcp80, udp53]),
    containers: 1,
    traffic: true,
  },
  {
    name: "ports published by nftables",
    list: published([tcp80, udp53], { backend: "nftables" }),
    traffic: true,
  },
  {
    name: "a port published on one address of the host",
    list: published([{ ...tcp80, hostIP: "198.51.100.1" }]),
    traffic: true,
  },
  {
    name: "a port published on loopback",
    list: published([{ ...tcp80, hostIP: "127.0.0.1" }]),
    traffic: true,
  },
  {
    name: "a port published on any IPv4 address",
    list: published([{ ...tcp80, hostIP: "0.0.0.0" }]),
    traffic: true,
  },
  {
    name: "a port published on any IPv6 address",
    list: published([{ ...tcp80, hostIP: "::" }]),
    traffic: true,
  },
  {
    name: "a port published on an IPv6 address of the host",
    list: published([{ ...tcp80, hostIP: "2001:db8:100::1" }]),
    traffic: true,
  },
  {
    name: "a port published without source translation",
    list: published([tcp80], { snat: false }),
    traffic: true,
  },
  {
    name: "a port published with all sources translated",
    list: published([tcp80], { masqAll: true }),
    traffic: true,
  },
  {
    name: "a port published for one client only",
    list: published([tcp80], {
      conditionsV4: ["-s", "198.51.100.2"],
      conditionsV6: ["-s", "2001:db8:100::77"],
    }),
    traffic: true,
  },
  {
    name: "an SCTP port published",
    list: published([{ hostPort: 9000, containerPort: 90, protocol: "sctp" }]),
  },
  {
    name: "a port published at the mark bit 20",
    list: published([tcp80], { markMasqBit: 20 }),
    traffic: true,
  },
  { name: "a mark bit beyond 31", list: published([tcp80], { markMasqBit: 32 }), refused: true },
  {
    name: "a mark bit and a mark chain together",
    list: published([tcp80], { markMasqBit: 4, externalSetMarkChain: "KUBE-MARK-MASQ" }),
    refused: true,
  },
  {
    name: "20 ports published",
    list: published(
      Array.from({ length: 20 }, (_, i) => ({
        hostPort: 9000 + i,
        containerPort: 80,
        protocol: "tcp",
      })),
    ),
    traffic: true,
  },
  { name: "no ports published", list: published([]) },
  {
    name: "a host port of 0",
    list: published([{ hostPort: 0, containerPort: 80, protocol: "tcp" }]),
    refused: true,
  },
  {
    name: "a container port of 0",
    list: published([{ hostPort: 8080, containerPort: 0, protocol: "tcp" }]),
    refused: true,
  },
  {
    name: "a host port of 65536",
    list: published([{ hostPort: 65536, containerPort: 80, protocol: "tcp" }]),
    refused: true,
  },
  {
    name: "a port of an unknown protocol",
    list: published([{ hostPort: 8080, containerPort: 80, protocol: "carrier pigeon" }]),
    refused: true,
  },
  { name: "portmap first in the chain", list: list(portmap([tcp80])), refused: true },
  {
    name: "a host port that another container has",
    list: published([tcp80]),
    containers: 2,
  },
  {
    name: "ports published when the namespace has gone",
    list: published([tcp80, udp53]),
    vanished: true,
  },
  ...["0.2.0", "0.3.1", "0.4.0", "1.0.0"].map((version): Case => {
    return {
      name: `bridge and portmap at ${version}`,
      list: list([usualBridge(), portmap([tcp80])], { cniVersion: version }),
    };
  }),
  {
    name: "ports published behind ptp",
    list: list([ptp({ ipMasq: true, ipam: dualWithRoutes }), portmap([tcp80, udp53])]),
    traffic: true,
  },
];

const tuning = { type: "tuning", sysctl: { "net.ipv4.conf.eth0.arp_filter": "1" }, mtu: 1380 };
const firewall = { type: "firewall", backend: "iptables" };

const foreign: Case[] = [
  {
    name: "our bridge with the reference's host-local",
    list: list(usualBridge()),
    foreign: ["host-local"],
    containers: 2,
    traffic: true,
  },
  {
    name: "the reference's bridge with our host-local",
    list: list(usualBridge()),
    foreign: ["bridge"],
    containers: 2,
  },
  {
    name: "the reference's bridge with our static",
    list: list(bridge({ ipam: { type: "static", addresses: [{ address: "10.5.0.9/24" }] } })),
    foreign: ["bridge"],
  },
  {
    name: "the reference's ptp with our host-local at 0.3.1",
    list: list(ptp({ ipam: dualWithRoutes }), { cniVersion: "0.3.1" }),
    foreign: ["ptp"],
  },
  {
    name: "the reference's macvlan with our host-local",
    list: list({ type: "macvlan", master: "uplink", ipam: hostLocal() }),
    foreign: ["macvlan"],
  },
  {
    name: "our bridge and portmap around the reference's tuning and firewall",
    list: list([usualBridge(), tuning, portmap([tcp80]), firewall]),
    foreign: ["tuning", "firewall"],
    traffic: true,
  },
  {
    name: "the reference's bridge with our portmap",
    list: list([usualBridge(), portmap([tcp80, udp53])]),
    foreign: ["bridge", "host-local"],
    traffic: true,
  },
];

const oneForAll: Case[] = [
  {
    name: "one netloom plugin for bridge and portmap",
    list: published([tcp80, udp53]),
    ourList: list({
      ...usualBridge(),
      type: "netloom",
      driver: "bridge",
      runtimeConfig: { portMappings: [tcp80, udp53] },
    }),
    containers: 1,
    traffic: true,
  },
  {
    name: "one netloom plugin for ptp and portmap",
    list: list([ptp({ ipMasq: true, ipam: dualWithRoutes }), portmap([tcp80])]),
    ourList: list({
      ...ptp({ ipMasq: true, ipam: dualWithRoutes }),
      type: "netloom",
      driver: "ptp",
      runtimeConfig: { portMappings: [tcp80] },
    }),
    traffic: true,
  },
];

export const otherCases = [...oneForAll, ...ptps, ...loopbacks, ...portmaps, ...foreign];
