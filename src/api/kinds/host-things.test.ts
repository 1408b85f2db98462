/** What of hosts objects name, and which changes make it something else. */
import { expect, test } from "bun:test";
import type { ApiObject } from "../object.ts";
import { thingsNamedAnew } from "./host-things.ts";

const object = (kind: string, spec: object) => ({ kind, spec }) as unknown as ApiObject;
const paths = (kind: string, next: object, old?: object) =>
  thingsNamedAnew(old && object(kind, old), object(kind, next)).map(({ path }) => path);

const publish = [
  { hostPort: 80, containerPort: 8080, protocol: "tcp", hostIp: "10.0.0.1" },
  { hostPort: 81, containerPort: 8081, protocol: "tcp" },
];

const cases: [what: string, kind: string, next: object, named: string[]][] = [
  ["a plain network", "Network", { type: "bridge", antiSpoofing: true, takeOver: false }, []],
  ["the host's own network", "Network", { type: "host" }, ["spec.type"]],
  ["a parent", "Network", { parent: "eth1", vlan: 5 }, ["spec.parent", "spec.vlan"]],
  ["a whole parent", "Network", { parent: "a", mode: "passthru" }, ["spec.parent", "spec.mode"]],
  ["a shared parent", "Network", { parent: "a", mode: "vepa" }, ["spec.parent"]],
  [
    "any parent",
    "Network",
    { parentSelector: { defaultRoute: true }, mode: "passthru" },
    ["spec.parentSelector", "spec.mode"],
  ],
  ["an uplink", "Network", { uplink: "a", takeOver: true }, ["spec.uplink", "spec.takeOver"]],
  ["a bridge", "Network", { bridge: "br0" }, ["spec.bridge"]],
  ["others' addresses", "Network", { antiSpoofing: false }, ["spec.antiSpoofing"]],
  ["a subnet", "Subnet", { network: "a", cidr: "10.0.0.0/8" }, ["spec.cidr"]],
  [
    "ports of the host",
    "Port",
    { publish },
    ["spec.publish[0].hostPort", "spec.publish[1].hostPort"],
  ],
  [
    "a tap",
    "Port",
    { tap: { name: "t", owner: 0, group: 1, multiQueue: true } },
    ["spec.tap.name", "spec.tap.owner", "spec.tap.group"],
  ],
  ["a device", "Port", { device: "eth1" }, ["spec.device"]],
  ["what is of no namespace", "Tenant", { bridge: "x" }, []],
];
for (const [what, kind, next, named] of cases) {
  test(`${what} names ${named.join(", ") || "nothing"}, and nothing anew where it stays`, () => {
    expect(paths(kind, next)).toEqual(named);
    expect(paths(kind, { ...next, mtu: 1400, labels: {} }, next)).toEqual([]);
  });
}

const moves: [what: string, kind: string, old: object, change: object, named: string[]][] = [
  [
    "a VLAN of another parent",
    "Network",
    { parent: "a", vlan: 5 },
    { parent: "b" },
    ["spec.parent", "spec.vlan"],
  ],
  [
    "links of more hosts",
    "Network",
    { uplink: "a", hosts: { matchLabels: {} } },
    {
      hosts: undefined,
    },
    ["spec.uplink"],
  ],
  [
    "a device of another host",
    "Port",
    { device: "a", host: "n1" },
    { host: "n2" },
    ["spec.device"],
  ],
  [
    "a port on all addresses",
    "Port",
    { publish: publish.slice(0, 1) },
    {
      publish: [{ ...publish[0], hostIp: undefined }],
    },
    ["spec.publish[0].hostPort"],
  ],
  ["another order of ports", "Port", { publish }, { publish: publish.toReversed() }, []],
  [
    "one port more",
    "Port",
    { publish: publish.slice(1) },
    { publish },
    ["spec.publish[0].hostPort"],
  ],
];
for (const [what, kind, old, change, named] of moves) {
  test(`${what}: ${named.join(", ") || "nothing"} is named anew`, () => {
    expect(paths(kind, { ...old, ...change }, old)).toEqual(named);
  });
}
