/** Configurations of the bridge plugin. */
import {
  bridge,
  type Case,
  defaultRoutes,
  hostLocal,
  list,
  subnet4,
  subnet6,
  usualBridge,
  versions,
} from "./case.ts";

const dual = hostLocal([subnet4, subnet6]);

const gateways: Case[] = [
  { name: "bridge without addresses", list: list(bridge({ ipam: {} })) },
  { name: "bridge without an ipam section", list: list({ type: "bridge", bridge: "br0" }) },
  { name: "bridge with addresses only", list: list(bridge()), containers: 2, traffic: true },
  { name: "bridge under its default name", list: list({ type: "bridge", ipam: hostLocal() }) },
  {
    name: "bridge as gateway",
    list: list(bridge({ isGateway: true })),
    containers: 2,
    traffic: true,
  },
  {
    name: "bridge as default gateway",
    list: list(bridge({ isDefaultGateway: true })),
    containers: 2,
    traffic: true,
  },
  {
    name: "bridge as default gateway for both families",
    list: list(bridge({ isDefaultGateway: true, ipam: dual })),
    containers: 2,
    traffic: true,
  },
  {
    name: "bridge as default gateway beside a configured default route",
    refused: true,
    list: list(
      bridge({ isDefaultGateway: true, ipam: hostLocal([subnet4], { routes: defaultRoutes }) }),
    ),
  },
  {
    name: "bridge with an IPv6 subnet alone",
    list: list(
      bridge({ isGateway: true, ipam: hostLocal([subnet6], { routes: [{ dst: "::/0" }] }) }),
    ),
    containers: 2,
    traffic: true,
  },
  {
    name: "bridge on another interface name",
    list: list(bridge({ isGateway: true })),
    ifName: "net1",
  },
];

const masquerade: Case[] = [
  { name: "masquerade", list: list(usualBridge()), containers: 2, traffic: true },
  {
    name: "masquerade by nftables",
    list: list(usualBridge({ ipMasqBackend: "nftables" })),
    containers: 2,
    traffic: true,
  },
  {
    name: "masquerade by iptables",
    list: list(usualBridge({ ipMasqBackend: "iptables" })),
    containers: 1,
    traffic: true,
  },
  {
    name: "masquerade by an unknown backend",
    list: list(usualBridge({ ipMasqBackend: "ebpf" })),
    refused: true,
  },
  {
    name: "masquerade without a gateway",
    list: list(bridge({ ipMasq: true })),
  },
];

const links: Case[] = [
  { name: "mtu 1400", list: list(bridge({ isGateway: true, mtu: 1400 })) },
  { name: "mtu 0", list: list(bridge({ mtu: 0 })) },
  {
    name: "no mtu on a host whose uplink has 1400",
    list: list(bridge({ isGateway: true })),
    host: { uplinkMtu: 1400 },
  },
  { name: "mtu 65536", list: list(bridge({ mtu: 65536 })), refused: true },
  { name: "mtu as text", list: list(bridge({ mtu: "1400" })), refused: true },
  { name: "hairpin mode", list: list(bridge({ isGateway: true, hairpinMode: true })) },
  { name: "promiscuous mode", list: list(bridge({ isGateway: true, promiscMode: true })) },
  {
    name: "hairpin and promiscuous mode together",
    list: list(bridge({ hairpinMode: true, promiscMode: true })),
    refused: true,
  },
  {
    name: "spoof check",
    list: list(bridge({ isGateway: true, macspoofchk: true })),
    containers: 2,
    traffic: true,
  },
  {
    name: "spoof check of a container that takes another MAC address",
    list: list(usualBridge({ macspoofchk: true })),
    containers: 2,
    beforeTraffic: "ip link set eth0 address 02:00:00:00:00:99",
    traffic: true,
  },
  {
    name: "no spoof check of a container that takes another MAC address",
    list: list(usualBridge()),
    containers: 2,
    beforeTraffic: "ip link set eth0 address 02:00:00:00:00:99",
    traffic: true,
  },
  {
    name: "port isolation",
    list: list(bridge({ isGateway: true, portIsolation: true, ipam: dual })),
    containers: 2,
    traffic: true,
  },
  {
    name: "duplicate address detection",
    list: list(bridge({ isGateway: true, enabledad: true, ipam: dual })),
  },
  {
    name: "container interface disabled",
    list: list(bridge({ disableContainerInterface: true, ipam: {} })),
  },
  {
    name: "container interface disabled though it has addresses",
    list: list(bridge({ disableContainerInterface: true })),
    refused: true,
  },
  {
    name: "a VLAN, which this kernel's bridges can't filter",
    lacks: "vlan filtering",
    list: list(bridge({ vlan: 100 })),
    refused: true,
  },
  {
    name: "a VLAN trunk, which this kernel's bridges can't filter",
    lacks: "vlan filtering",
    list: list(bridge({ ipam: {}, vlanTrunk: [{ minID: 100, maxID: 110 }, { id: 200 }] })),
    refused: true,
  },
  { name: "a VLAN beyond 4094", list: list(bridge({ vlan: 4095 })), refused: true },
  { name: "a negative VLAN", list: list(bridge({ vlan: -1 })), refused: true },
  {
    name: "a VLAN trunk backwards",
    list: list(bridge({ vlanTrunk: [{ minID: 110, maxID: 100 }] })),
    refused: true,
  },
  {
    name: "the default VLAN kept, without a VLAN",
    list: list(bridge({ preserveDefaultVlan: true })),
  },
];

const makeBridge = (address: string) =>
  `ip link add br0 type bridge; ip addr add ${address} dev br0; ip link set br0 up`;

const existing: Case[] = [
  {
    name: "a bridge that somebody made before",
    list: list(bridge({ isGateway: true })),
    host: { prepare: "ip link add br0 type bridge; ip link set br0 up" },
  },
  {
    name: "a bridge that is down",
    list: list(bridge({ isGateway: true })),
    host: { prepare: "ip link add br0 type bridge" },
  },
  {
    name: "a bridge that has the gateway's address already",
    list: list(bridge({ isGateway: true })),
    host: { prepare: makeBridge("10.5.0.1/24") },
  },
  {
    name: "a bridge that has another address of the subnet",
    list: list(bridge({ isGateway: true })),
    host: { prepare: makeBridge("10.5.0.254/24") },
    refused: true,
  },
  {
    name: "a bridge that has another address of the subnet, to be replaced",
    list: list(bridge({ isGateway: true, forceAddress: true })),
    host: { prepare: makeBridge("10.5.0.254/24") },
  },
  {
    name: "a bridge that has another subnet's address, to be replaced",
    list: list(bridge({ isGateway: true, forceAddress: true })),
    host: { prepare: makeBridge("10.9.0.1/24") },
  },
  {
    name: "a bridge that has another subnet's address",
    list: list(bridge({ isGateway: true })),
    host: { prepare: makeBridge("10.9.0.1/24") },
    refused: true,
  },
  {
    name: "a bridge's name that another kind of link has",
    list: list(bridge({ bridge: "uplink" })),
    refused: true,
  },
  {
    name: "a bridge's name that is too long",
    list: list(bridge({ bridge: "a-name-of-16-byt" })),
    refused: true,
  },
  {
    name: "an interface that the container has already",
    list: list(bridge()),
    ifName: "lo",
    refused: true,
  },
];

const identity: Case[] = [
  {
    name: "a MAC address from the runtime",
    list: list(bridge({ runtimeConfig: { mac: "02:11:22:33:44:55" } })),
  },
  {
    name: "a MAC address in args.cni",
    list: list(bridge({ args: { cni: { mac: "02:11:22:33:44:66" } } })),
  },
  {
    name: "a MAC address in CNI_ARGS, which host-local does not know",
    list: list(bridge()),
    cniArgs: "MAC=02:11:22:33:44:77",
    refused: true,
  },
  {
    name: "a MAC address in CNI_ARGS",
    list: list(bridge()),
    cniArgs: "IgnoreUnknown=1;MAC=02:11:22:33:44:77",
  },
  {
    name: "a MAC address in CNI_ARGS without addresses",
    list: list(bridge({ ipam: {} })),
    cniArgs: "MAC=02:11:22:33:44:77",
  },
  {
    name: "a MAC address in all three places",
    list: list(
      bridge({
        runtimeConfig: { mac: "02:11:22:33:44:55" },
        args: { cni: { mac: "02:11:22:33:44:66" } },
      }),
    ),
    cniArgs: "IgnoreUnknown=1;MAC=02:11:22:33:44:77",
  },
  {
    name: "a MAC address that is none",
    list: list(bridge({ runtimeConfig: { mac: "02:11:22" } })),
    refused: true,
  },
  {
    name: "CNI_ARGS with an unknown key",
    list: list(bridge()),
    cniArgs: "COLOUR=blue",
    refused: true,
  },
  {
    name: "CNI_ARGS with an unknown key to be ignored",
    list: list(bridge()),
    cniArgs: "IgnoreUnknown=1;COLOUR=blue",
  },
  {
    name: "CNI_ARGS as Kubernetes gives them",
    list: list(usualBridge()),
    cniArgs: "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0",
  },
];

const protocol: Case[] = [
  ...versions.map((version): Case => {
    return { name: `bridge at ${version}`, list: list(usualBridge(), { cniVersion: version }) };
  }),
  {
    name: "bridge without a version",
    list: list(bridge({ isGateway: true }), { cniVersion: undefined }),
  },
  {
    name: "bridge at a version to come",
    list: list(bridge(), { cniVersion: "9.9.9" }),
    refused: true,
  },
  { name: "a network without a name", list: list(bridge(), { name: undefined }), refused: true },
  { name: "a network name with a slash", list: list(bridge(), { name: "a/b" }), refused: true },
  {
    name: "a container ID with a slash",
    list: list(bridge()),
    env: { CNI_CONTAINERID: "../c1" },
    refused: true,
  },
  {
    name: "an interface name that is too long",
    list: list(bridge()),
    ifName: "a-name-of-16-byt",
    refused: true,
  },
  {
    name: "a namespace that isn't there",
    list: list(bridge()),
    env: { CNI_NETNS: "/var/run/netns/nobody" },
    refused: true,
  },
  { name: "no namespace", list: list(bridge()), env: { CNI_NETNS: undefined }, refused: true },
  { name: "no CNI_PATH", list: list(bridge()), env: { CNI_PATH: undefined }, refused: true },
  {
    name: "unknown keys",
    list: list(bridge({ colour: "blue", capabilities: { colour: true } })),
  },
  {
    name: "DEL when the namespace has gone",
    list: list(usualBridge()),
    containers: 2,
    vanished: true,
  },
];

export const bridgeCases = [
  ...gateways,
  ...masquerade,
  ...links,
  ...existing,
  ...identity,
  ...protocol,
];
