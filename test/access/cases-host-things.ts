/** Things of hosts that a tenant's members name, and what of others would go along. */
import { a, applyPatch, b, type Case, mergePatch, network, port } from "./cases.ts";
import { object } from "./world.ts";

const subnet = (cidr: string) => object("Subnet", "x", { network: "net", cidr });
const macvlan = { type: "macvlan", parent: "eth1" };
const vm = (tap: object) => port("x", { type: "vm", tap });
const published = (hostPort: number) => port("x", { publish: [{ hostPort, containerPort: 80 }] });
const foreground = { propagationPolicy: "Foreground" };

/** What a member of tenant red asks for, which no list of the tenant has. */
const named: [what: string, path: string, body: object][] = [
  ["a parent", "networks", network("x", { ...macvlan, parent: "eth0" })],
  [
    "any parent",
    "networks",
    network("x", { type: "macvlan", parentSelector: { defaultRoute: true } }),
  ],
  ["a VLAN of an allowed parent", "networks", network("x", { ...macvlan, vlan: 5 })],
  ["an allowed parent, whole", "networks", network("x", { ...macvlan, mode: "passthru" })],
  ["an uplink", "networks", network("x", { type: "bridge", uplink: "eth1" })],
  ["a bridge", "networks", network("x", { type: "bridge", bridge: "docker0" })],
  ["the host's network", "networks", network("x", { type: "host" })],
  ["others' addresses", "networks", network("x", { type: "bridge", antiSpoofing: false })],
  ["a subnet of others", "subnets", subnet("192.168.0.0/24")],
  ["a subnet of everything", "subnets", subnet("0.0.0.0/1")],
  ["a port of the host", "ports", published(22)],
  ["a tap", "ports", vm({ name: "tap0" })],
  ["a tap's owner", "ports", vm({ owner: 0 })],
  ["a tap's group", "ports", vm({ group: 0 })],
  ["a device", "ports", port("x", { type: "baremetal", device: "eth1" })],
];

export const hostThings: Case[] = [
  ...named.flatMap(([what, plural, body]): Case[] => [
    [what, "red-editor", "POST", `${a}/${plural}`, 403, body],
    [`${what}, tried out by an admin`, "red-admin", "POST", `${a}/${plural}?dryRun=All`, 403, body],
  ]),
  [
    "a device, by apply",
    "red-editor",
    "PATCH",
    `${a}/ports/x?fieldManager=m`,
    403,
    port("x", {
      type: "baremetal",
      device: "eth1",
    }),
    applyPatch,
  ],
  [
    "a port of the host, by patch",
    "red-editor",
    "PATCH",
    `${a}/ports/here`,
    403,
    {
      spec: { publish: [{ hostPort: 22, containerPort: 80 }] },
    },
    mergePatch,
  ],
  [
    "an uplink, put in another's place",
    "red-editor",
    "PUT",
    `${a}/networks/lan`,
    403,
    network("lan", {
      type: "bridge",
      uplink: "eth0",
    }),
  ],
  [
    "an uplink on more hosts",
    "red-editor",
    "PATCH",
    `${a}/networks/lan`,
    403,
    {
      spec: { hosts: { matchLabels: { x: "y" } } },
    },
    mergePatch,
  ],
  ["a token's tenant counts", "within", "POST", `${a}/ports`, 403, published(22)],
  [
    "who shares a network asks his own tenant",
    "blue-editor",
    "POST",
    `${b}/ports`,
    403,
    port("x", {
      network: "a/shared",
      publish: [{ hostPort: 22, containerPort: 80 }],
    }),
  ],
  [
    "a bridge of another network",
    "editor",
    "POST",
    `${a}/networks`,
    422,
    network("x", {
      type: "bridge",
      bridge: "nlb-0123abcd",
    }),
  ],
  [
    "a bridge of another network, which no list could allow",
    "red-editor",
    "POST",
    `${a}/networks`,
    422,
    network("x", {
      type: "bridge",
      bridge: "nlb-0123abcd",
    }),
  ],
  [
    "the same, by patch",
    "red-admin",
    "PATCH",
    `${a}/networks/net`,
    422,
    { spec: { bridge: "nlb-0123abcd" } },
    mergePatch,
  ],
  [
    "the same, of others",
    "red-admin",
    "PATCH",
    `${b}/networks/net`,
    403,
    { spec: { bridge: "nlb-0123abcd" } },
    mergePatch,
  ],
  [
    "the loopback, by apply",
    "red-editor",
    "PATCH",
    `${a}/ports/x?fieldManager=m`,
    422,
    port("x", { type: "baremetal", device: "lo" }),
    applyPatch,
  ],
  [
    "a parent of Netloom's own",
    "admin",
    "POST",
    `${a}/networks`,
    422,
    network("x", {
      type: "macvlan",
      parent: "nlb-0123abcd",
    }),
  ],
  [
    "an uplink of a container",
    "admin",
    "POST",
    `${a}/networks`,
    422,
    network("x", {
      type: "bridge",
      uplink: "nl0123456789a",
    }),
  ],
  [
    "the loopback",
    "admin",
    "POST",
    `${a}/ports`,
    422,
    port("x", {
      type: "baremetal",
      device: "lo",
    }),
  ],
  [
    "a network that nobody shares",
    "red-editor",
    "POST",
    `${a}/ports`,
    422,
    port("x", {
      network: "b/net",
    }),
  ],
  [
    "ports of others, with the network",
    "red-editor",
    "DELETE",
    `${a}/networks/shared`,
    403,
    foreground,
  ],
  [
    "the same, tried out",
    "red-admin",
    "DELETE",
    `${a}/networks/shared?dryRun=All`,
    403,
    foreground,
  ],
  ["a pool, with the subnet", "red-editor", "DELETE", `${a}/subnets/shared`, 403, foreground],
];
