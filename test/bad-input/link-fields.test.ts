/** Bad input: the fields of the plugins that make links. */
import { lan } from "../support/test-host.ts";
import { type BadCall, bridge, examine } from "./exam.ts";

const withField = (name: string, more: object, says: readonly string[], code = 7): BadCall => ({
  name,
  config: bridge(more as Record<string, unknown>),
  code,
  says,
});

examine("bridge", [
  withField("an MTU as text", { mtu: "1500" }, ["mtu: must be a whole number", 'not "1500"']),
  withField("an MTU below zero", { mtu: -1 }, ["mtu: must be a whole number from 0"]),
  withField("a broken MTU", { mtu: 1500.5 }, ["mtu:", "not 1500.5"]),
  withField("a huge MTU", { mtu: 1e99 }, ["mtu:", "not 1e+99"]),
  withField("an MTU beyond 32 bits", { mtu: 4294967296 }, ["mtu:", "not 4294967296"]),
  withField("an MTU that no link can have", { mtu: 67 }, ["mtu: must be 0, or 68 or more, not 67"]),
  withField("a packet filter that is none", { ipMasqBackend: "ebpf" }, [
    'ipMasqBackend: must be one of "iptables", "nftables", not "ebpf"',
  ]),
  withField("a flag as text", { isGateway: "yes" }, [
    'isGateway: must be true or false, not "yes"',
  ]),
  withField("a flag as a number", { ipMasq: 1 }, ["ipMasq: must be true or false, not 1"]),
  withField("a bridge's name that is too long", { bridge: "b".repeat(16) }, [
    "bridge:",
    "15 bytes",
  ]),
  withField("a bridge's name with a slash", { bridge: "../b" }, ["bridge:", "../b"]),
  withField("a bridge's name that is a pattern", { bridge: "br%d" }, ["bridge:", "br%d"]),
  withField("a bridge's name as a list", { bridge: [] }, ["bridge: must be"]),
  withField("a VLAN out of range", { vlan: 4095 }, ["vlan: must be a whole number from 0 to 4094"]),
  withField("half a trunk's range", { vlanTrunk: [{ minID: 5 }] }, ["vlanTrunk[0]", "minID"]),
  withField("a trunk's range that ends early", { vlanTrunk: [{ id: 5 }, { minID: 9, maxID: 8 }] }, [
    "vlanTrunk[1]",
    '"minID" 9 is above "maxID" 8',
  ]),
  withField("hairpin and promiscuous modes", { hairpinMode: true, promiscMode: true }, [
    "hairpinMode",
    "promiscMode",
    "take one of the two",
  ]),
  withField("a group's hardware address", { runtimeConfig: { mac: "01:00:5e:00:00:01" } }, [
    "runtimeConfig.mac: must be a unicast hardware address",
  ]),
  withField("a short hardware address", { args: { cni: { mac: "02:00:00" } } }, ["args.cni.mac"]),
  withField("a bridge that is another link", { bridge: "uplink" }, ['"uplink"', "bridge"], 102),
  {
    name: "to take an uplink for the bridge, with all its addresses",
    config: (stage) => stage.bridge({ bridge: "uplink", isGateway: true, forceAddress: true }),
    code: 102,
    says: ['Cannot use link "uplink" as the bridge', "Name another bridge"],
  },
  {
    name: "a VLAN on a bridge that cannot filter",
    config: (stage) => stage.bridge({ vlan: 100 }),
    code: 7,
    says: ["vlan:", "which this kernel lacks", "remove"],
  },
  {
    name: "an interface kept down that has addresses",
    config: (stage) => stage.bridge({ disableContainerInterface: true }),
    code: 7,
    says: ["disableContainerInterface: does not go with", '"ipam"', "take one of the two"],
  },
  {
    name: "a link name that the container has already",
    config: bridge(),
    ifName: "lo",
    code: 102,
    says: ['"lo"', "exist"],
  },
]);

const ptp = (more: object): Record<string, unknown> => ({
  cniVersion: "1.0.0",
  name: "good",
  type: "ptp",
  ipam: {
    type: "static",
    addresses: [{ address: "10.82.0.2/24", gateway: "10.82.0.1" }],
  },
  ...more,
});

examine("ptp", [
  { name: "an MTU as text", config: ptp({ mtu: "big" }), code: 7, says: ["mtu:", '"big"'] },
  {
    name: "no addresses",
    config: { cniVersion: "1.0.0", name: "good", type: "ptp" },
    code: 7,
    says: ["ipam: is missing", "leads to addresses only"],
  },
  { name: "a flag as a number", config: ptp({ ipMasq: 0 }), code: 7, says: ["ipMasq: must be"] },
  {
    name: "a static address without length",
    config: ptp({ ipam: { type: "static", addresses: [{ address: "10.82.0.2" }] } }),
    code: 7,
    says: ["ipam.addresses[0].address: must be an address with a prefix length"],
  },
  {
    name: "a gateway of another family",
    config: ptp({
      ipam: { type: "static", addresses: [{ address: "::2/64", gateway: "10.0.0.1" }] },
    }),
    code: 7,
    says: ["ipam.addresses[0].gateway", '"10.0.0.1"', "another family"],
  },
]);

examine("netloom", [
  {
    name: "no driver",
    type: "netloom",
    config: bridge({ type: "netloom" }),
    code: 7,
    says: ["driver: missing", '"bridge"', '"ptp"'],
  },
  {
    name: "an unknown driver",
    type: "netloom",
    config: bridge({ type: "netloom", driver: "teleport" }),
    code: 7,
    says: ['driver: must be one of "bridge"', 'not "teleport"'],
  },
  {
    name: "a published port that is none",
    type: "netloom",
    config: bridge({
      type: "netloom",
      driver: "bridge",
      runtimeConfig: { portMappings: [{ hostPort: 0, containerPort: 80 }] },
    }),
    code: 7,
    says: ["runtimeConfig.portMappings[0].hostPort: must be a whole number from 1 to 65535"],
  },
]);

const result = { cniVersion: "1.0.0", ips: [{ address: "10.81.0.99/24" }] };
const portmap = (mapping: unknown, more: object = {}): Record<string, unknown> => ({
  cniVersion: "1.0.0",
  name: "good",
  type: "portmap",
  runtimeConfig: { portMappings: Array.isArray(mapping) ? mapping : [mapping] },
  prevResult: result,
  ...more,
});
const port = (name: string, mapping: object, says: readonly string[]): BadCall => ({
  name,
  config: portmap({ hostPort: 9000, containerPort: 80, ...mapping }),
  code: 7,
  says: ["runtimeConfig.portMappings[0]", ...says],
});

examine("portmap", [
  port("the host's port 0", { hostPort: 0 }, ["hostPort: must be a whole number from 1"]),
  port("a port of the host that is too high", { hostPort: 65536 }, ["not 65536"]),
  port("a port as text", { hostPort: "80" }, ["hostPort: must be", 'not "80"']),
  port("no port of the container", { containerPort: undefined }, ["containerPort: missing"]),
  port("another protocol", { protocol: "icmp" }, ['protocol: must be one of "tcp", "udp", "sctp"']),
  port("an address that is none", { hostIP: "localhost" }, ["hostIP: must be an IP address"]),
  port("IPv6's loopback", { hostIP: "::1" }, ["hostIP: cannot be ::1", "127.0.0.1"]),
  port("a range past the last port", { hostPort: 65530, range: 10 }, ["range", "past port 65535"]),
  port("an empty range", { range: 0 }, ["range: must be"]),
  {
    name: "ports as an object",
    config: portmap([], { runtimeConfig: { portMappings: {} } }),
    code: 7,
    says: ["runtimeConfig.portMappings: must be a list, not {}"],
  },
  {
    name: "a condition of iptables",
    config: portmap([], { conditionsV4: ["-s", "10.0.0.0/8"] }),
    code: 7,
    says: ["conditionsV4", "hostIP"],
  },
  {
    name: "a chain of iptables",
    config: portmap([], { externalSetMarkChain: "KUBE-MARK-MASQ" }),
    code: 7,
    says: ["externalSetMarkChain", "remove the field"],
  },
  {
    name: "a port that another container publishes",
    config: portmap({ hostPort: 8080, containerPort: 80 }),
    code: 102,
    says: ["8080/tcp", '"bystander"', "Take another host port"],
  },
  {
    name: "the same port on one address, which another container publishes on all",
    config: portmap({ hostPort: 8080, containerPort: 80, hostIP: lan.host4 }),
    code: 102,
    says: ["8080/tcp", '"bystander"'],
  },
  {
    name: "a port twice",
    config: portmap([
      { hostPort: 9000, containerPort: 80 },
      { hostPort: 9000, containerPort: 81 },
    ]),
    code: 7,
    says: ["runtimeConfig.portMappings[1]", "9000"],
  },
]);
