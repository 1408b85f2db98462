/** Bad input: the configuration of addresses, and pools that are exhausted. */
import { type BadCall, examine, type Stage } from "./exam.ts";

type More = Readonly<Record<string, unknown>>;

/** A `bridge` with this `host-local` section; host-local alone finds the same faults. */
const ipam =
  (more: More, around: More = {}) =>
  (stage: Stage) => ({ ...stage.bridge(), ipam: stage.hostLocal(more), ...around });

const ranges = (name: string, range: More, says: readonly string[]): BadCall => ({
  name,
  config: ipam({ ranges: [[{ subnet: "10.90.0.0/24", ...range }]] }),
  code: 7,
  says,
});

examine("host-local", [
  { name: "no ranges", config: ipam({ ranges: undefined }), code: 7, says: ["ipam"] },
  { name: "an empty list", config: ipam({ ranges: [] }), code: 7, says: ["ipam"] },
  { name: "an empty set", config: ipam({ ranges: [[]] }), code: 7, says: ["ipam.ranges[0]"] },
  { name: "ranges not in sets", config: ipam({ ranges: [{}] }), code: 7, says: ["ipam.ranges[0]"] },
  ranges("a subnet as a number", { subnet: 10 }, ["ipam.ranges[0][0].subnet", "10"]),
  ranges("no subnet", { subnet: undefined }, ["ipam.ranges[0][0].subnet: missing"]),
  ranges("a subnet without length", { subnet: "10.90.0.0" }, ["ipam.ranges[0][0].subnet: must be"]),
  ranges("a subnet that is no address", { subnet: "10.90.0.0.0/8" }, ["10.90.0.0.0/8"]),
  ranges("octets that are too large", { subnet: "10.300.0.0/16" }, ["10.300.0.0/16"]),
  ranges("octets with leading zeros", { subnet: "010.1.0.0/16" }, ["010.1.0.0/16"]),
  ranges("bits past the prefix", { subnet: "10.90.0.7/24" }, ["bits set past", "10.90.0.0/24"]),
  ranges("a subnet of one address", { subnet: "10.90.0.0/32" }, ["ipam.ranges[0][0]"]),
  ranges("a start outside", { rangeStart: "10.91.0.1" }, ["rangeStart", "10.91.0.1"]),
  ranges("an end outside", { rangeEnd: "10.91.0.1" }, ["rangeEnd", "10.91.0.1"]),
  ranges("an end of the other family", { rangeEnd: "fd00::1" }, ["rangeEnd", "fd00::1"]),
  ranges("an end before the start", { rangeStart: "10.90.0.20", rangeEnd: "10.90.0.10" }, [
    "ipam.ranges[0][0]",
    "10.90.0.20",
    "10.90.0.10",
  ]),
  ranges("a gateway that is none", { gateway: "first" }, ["ipam.ranges[0][0].gateway", "first"]),
  {
    name: "ranges that overlap",
    config: ipam({ ranges: [[{ subnet: "10.90.0.0/24" }], [{ subnet: "10.90.0.0/16" }]] }),
    code: 7,
    says: ["overlap"],
  },
  {
    name: "both families in one set",
    config: ipam({ ranges: [[{ subnet: "10.90.0.0/24" }, { subnet: "fd00:90::/64" }]] }),
    code: 7,
    says: ["ipam.ranges[0]"],
  },
  {
    name: "two IPv4 addresses in a version that holds one",
    config: ipam(
      { ranges: [[{ subnet: "10.90.0.0/24" }], [{ subnet: "10.91.0.0/24" }]] },
      { cniVersion: "0.2.0" },
    ),
    code: 7,
    says: ["ipam.ranges", "0.2.0"],
  },
  {
    name: "a route to nowhere",
    config: ipam({ routes: [{ gw: "10.81.0.1" }] }),
    code: 7,
    says: ["ipam.routes[0].dst: missing"],
  },
  {
    name: "a route with a wrong gateway",
    config: ipam({ routes: [{ dst: "0.0.0.0/0", gw: "router" }] }),
    code: 7,
    says: ["ipam.routes[0].gw", '"router"'],
  },
  {
    name: "a folder as a number",
    config: ipam({ dataDir: 5 }),
    code: 7,
    says: ["ipam.dataDir: must be a string, not 5"],
  },
  {
    name: "a resolv.conf that is not there",
    config: ipam({ resolvConf: "/no/such/resolv.conf" }),
    code: 5,
    says: ["/no/such/resolv.conf"],
  },
  {
    name: "a wish for an address outside",
    config: ipam({}, { args: { cni: { ips: ["10.99.0.1"] } } }),
    code: 7,
    says: ["args.cni.ips[0]", '"10.99.0.1" is not in the network\'s ranges'],
  },
  {
    name: "a wish for what is no address",
    config: ipam({}, { runtimeConfig: { ips: ["any"] } }),
    code: 7,
    says: ["runtimeConfig.ips[0]", '"any"'],
  },
  {
    name: "a wish for the gateway's address",
    config: ipam(
      { ranges: [[{ subnet: "10.90.0.0/24" }]] },
      { args: { cni: { ips: ["10.90.0.1"] } } },
    ),
    code: 7,
    says: ["args.cni.ips[0]", "gateway"],
  },
  {
    name: "a wish for an address that another container has",
    config: ipam({}, { args: { cni: { ips: ["10.81.0.10"] } } }),
    code: 102,
    says: ["10.81.0.10", '"bystander"'],
  },
  {
    name: "a pool without a free address",
    config: (stage) => ({
      ...stage.bridge(),
      ipam: stage.hostLocal({
        ranges: [[{ subnet: "10.81.0.0/24", rangeStart: "10.81.0.10", rangeEnd: "10.81.0.10" }]],
      }),
    }),
    code: 101,
    says: ["No address is free in 10.81.0.10", "1 of 1", "widen the range"],
  },
  {
    name: "STATUS of a pool without a free address",
    command: "STATUS",
    config: (stage) => ({
      ...stage.bridge({ cniVersion: "1.1.0" }),
      ipam: stage.hostLocal({
        ranges: [[{ subnet: "10.81.0.0/24", rangeStart: "10.81.0.10", rangeEnd: "10.81.0.10" }]],
      }),
    }),
    code: 50,
    says: ["No address is free in 10.81.0.10"],
  },
  {
    name: "an address asked for by a name that holds it",
    type: "host-local",
    config: (stage) => stage.bridge(),
    env: { CNI_CONTAINERID: "bystander" },
    code: 102,
    says: ['"bystander" has 10.81.0.10', "DEL it before another ADD"],
  },
]);
