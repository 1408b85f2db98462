/** What the kernel must know of other hosts, from node specs that are made up. */
import { describe, expect, test } from "bun:test";
import { peersOf, tunnelsOf } from "../udp/peers.ts";
import { refuseBackend } from "./backends/index.ts";
import { desiredOf } from "./desired.ts";
import { apart, difference, keyed, type TunnelEntry } from "./entries.ts";
import { type Told, viewOf } from "./view.ts";
import { deviceEnd } from "./vxlan-device.ts";
import { wireguardNeeds } from "./wireguard-needs.ts";

const underlay = (last: number, subnet = 0) => [
  { address: `198.51.${subnet}.${last}`, prefixLength: 24, mtu: 1500 },
  { address: `2001:DB8:0:${subnet}::${last}`, prefixLength: 64, mtu: 1500 },
];
const blue = "default/blue";
const block = (subnet: string, cidr: string, host: string) => ({
  metadata: { name: `b-${cidr}` },
  spec: { subnet: { namespace: "default", name: subnet }, cidr, host },
});
const route = (host: string, cidr: string) => ({
  metadata: { name: `r-${cidr}` },
  spec: { network: blue, host, cidr },
});
const endpoint = (host: string, epoch: number, ...addresses: string[]) => ({
  metadata: { namespace: "default", name: `p-${host}-${epoch}` },
  spec: { network: blue, host, epoch, addresses },
});

interface World {
  readonly spec?: object;
  readonly status?: object;
  readonly endpoints?: readonly object[];
  readonly peers?: readonly object[];
  readonly networks?: readonly object[];
}

/** Host a, and on other hosts blocks of the network: b beside it, c on another link. */
function nodeSpec({
  spec = {},
  status = { vni: 7 },
  endpoints = [],
  peers,
  networks,
}: World): Told {
  const peer = (name: string, of: object) => ({ metadata: { name }, spec: { underlay: of } });
  const metadata = { namespace: "default", name: "blue" };
  const network = { metadata, spec: { type: "routed", directRouting: false, ...spec }, status };
  const objects: Record<string, readonly object[]> = {
    networks: networks ?? [network, { metadata: { name: "x" }, spec: { type: "bridge" } }],
    hostpeers: peers ?? [peer("b", underlay(2)), peer("c", underlay(3, 9))],
    ipblocks: [
      block("blue4", "10.1.0.0/26", "a"),
      block("blue6", "fd01:0::/122", "a"),
      block("other", "10.9.0.0/26", "a"),
      block("blue4", "10.1.0.64/26", "b"),
    ],
    subnets: [
      { metadata: { namespace: "default" }, spec: { network: "blue", cidr: "10.1.0.0/16" } },
      { metadata: { namespace: "default" }, spec: { network: "x", cidr: "10.9.0.0/16" } },
    ],
    blockroutes: [
      route("b", "10.1.0.64/26"),
      route("b", "fd01::40/122"),
      route("c", "10.1.0.128/26"),
    ],
    endpoints,
  };
  const found: Record<string, string> = { blue4: "blue", blue6: "blue", other: "x" };
  return {
    all: (plural: string) => objects[plural] ?? [],
    host: () => ({ status: { underlay: underlay(1) } }),
    subnet: ({ name }: { name: string }) => ({ spec: { network: found[name] } }),
  } as unknown as Told;
}

/** Host b is a peer of the WireGuard link, c is none yet. */
const tunnelTo = (host: string) => (host === "b" ? undefined : { why: "its key is not known" });
const desired = (world: World) => desiredOf(viewOf(nodeSpec(world), "a", { tunnelTo }));
/** Routes as `ip route` has them. */
const routes = (world: World) =>
  [...desired(world).entries.values()].flatMap((entry) => {
    if (entry.kind !== "route") return [];
    const behind = entry.isFallback ? " behind all" : "";
    if (entry.type !== "unicast") return [`${entry.type} ${entry.dst}${behind}`];
    const { dst, gateway, device } = entry;
    return [`${dst}${gateway ? ` via ${gateway}` : ""}${device ? ` dev ${device}` : ""}`];
  });
const own = ["blackhole 10.1.0.0/26", "blackhole fd01::/122"];
const [viaB, viaC] = ["b", "c"].map((host) => `via ${deviceEnd(host, 7).address} dev nlx-7`);

describe("a network's packets go", () => {
  const table: [string, World, string[]][] = [
    ["nowhere where there is none of type routed", { networks: [] }, []],
    [
      "wrapped, unless it says otherwise",
      {},
      [`10.1.0.64/26 ${viaB}`, `fd01::40/122 ${viaB}`, `10.1.0.128/26 ${viaC}`, ...own],
    ],
    [
      "plainly to hosts on the same link",
      { spec: { directRouting: true } },
      [
        ...["10.1.0.64/26 via 198.51.0.2", "fd01::40/122 via 2001:db8::2"],
        ...[`10.1.0.128/26 ${viaC}`, ...own],
      ],
    ],
    [
      "by hosts on the same link alone",
      { spec: { backend: "host-gw" } },
      [
        ...["10.1.0.64/26 via 198.51.0.2", "fd01::40/122 via 2001:db8::2"],
        ...["unreachable 10.1.0.128/26", ...own],
      ],
    ],
    [
      "into the tun of a process",
      { spec: { backend: "udp" } },
      [
        ...["10.1.0.64/26 dev nlu-ipv4", "fd01::40/122 dev nlu-ipv4", "10.1.0.128/26 dev nlu-ipv4"],
        ...own,
      ],
    ],
    [
      "into the host's WireGuard link to its peers, and in no other way",
      { spec: { backend: "wireguard" } },
      [
        ...["10.1.0.64/26 dev nlw0", "fd01::40/122 dev nlw0", "unreachable 10.1.0.128/26"],
        ...[...own, "unreachable 10.1.0.0/16 behind all"],
      ],
    ],
    [
      "nowhere by a backend that this build has not",
      { spec: { backend: "later" } },
      [
        ...["unreachable 10.1.0.64/26", "unreachable fd01::40/122", "unreachable 10.1.0.128/26"],
        ...own,
      ],
    ],
    [
      "to an address where its port is by now, if that is elsewhere",
      {
        endpoints: [
          ...[endpoint("b", 1, "10.1.0.7", "fd01::7"), endpoint("c", 2, "10.1.0.7")],
          ...[endpoint("b", 1, "10.1.0.8"), endpoint("a", 2, "10.1.0.8")],
        ],
      },
      [
        ...[`10.1.0.64/26 ${viaB}`, `fd01::40/122 ${viaB}`, `fd01::7/128 ${viaB}`],
        ...[`10.1.0.128/26 ${viaC}`, `10.1.0.7/32 ${viaC}`, ...own],
      ],
    ],
  ];
  test.each(table)("%s", (_name, world, expected) => {
    expect(routes(world)).toEqual(expected);
  });
});

test("nothing is sent to a host that is gone: who sends is told, and nobody else", () => {
  const view = viewOf(nodeSpec({}), "a", { isGone: ({ metadata }) => metadata.name === "b" });
  const { entries, troubles } = desiredOf(view);
  const all = [...entries.values()];
  expect(troubles).toEqual([]);
  expect(all).toContainEqual({ kind: "route", type: "unreachable", dst: "10.1.0.64/26" });
  expect(all).toContainEqual({ kind: "route", type: "unreachable", dst: "fd01::40/122" });
  expect(entries.get("route 10.1.0.128/26")).toMatchObject({ type: "unicast" });
  const { mac } = deviceEnd("b", 7);
  expect(all.filter((entry) => "mac" in entry && entry.mac === mac)).toEqual([]);
});

describe("what is not reached is told, with the reason:", () => {
  const b = { metadata: { name: "b" }, spec: { underlay: underlay(2).slice(0, 1) } };
  const table: [string, World, string][] = [
    [
      "another link",
      { spec: { backend: "host-gw" } },
      '"c": its address 198.51.9.3 is on another link than 198.51.0.1/24',
    ],
    ["another backend", { spec: { backend: "later" } }, '"b": this release has no backend "later"'],
    ["no key", { spec: { backend: "wireguard" } }, '"c": its key is not known'],
    ["no identifier", { status: {} }, '"b": its network has no VXLAN identifier yet'],
    ["an unknown host", { peers: [] }, '"b": nothing is known yet of how it is reached'],
    [
      "no address of the family",
      { spec: { underlayProtocol: "ipv6" }, peers: [b] },
      '"b": it has no IPv6 address',
    ],
    [
      "none for a plain route",
      { spec: { backend: "host-gw" }, peers: [b] },
      '"b": host "b" has no IPv6 address',
    ],
  ];
  test.each(table)("%s", (_name, world, words) => {
    const { troubles } = desired(world);
    expect(troubles.join("\n")).toContain(`network "default/blue" does not reach host ${words}`);
  });
});

test("the device is as the network says, and others know its address by the host's name", () => {
  const vxlan = { port: 8472, ttl: 9, dscp: 46, checksumOffload: true };
  const { entries } = desired({ spec: { underlayProtocol: "ipv6", vxlan } });
  expect(entries.get("device nlx-7")).toEqual({
    ...{ kind: "device", type: "vxlan", name: "nlx-7", mac: deviceEnd("a", 7).mac, mtu: 1430 },
    ...{ id: 7, port: 8472, ttl: 9, dscp: 46, local: "2001:db8::1" },
  });
  const mac = deviceEnd("b", 7).mac;
  const at = { kind: "fdb", device: "nlx-7", mac, dst: "2001:db8::2" };
  expect([...entries.values()]).toContainEqual(at as never);
  expect(entries.get(`neigh nlx-7 ${deviceEnd("b", 7).address}`)).toMatchObject({ mac });
  expect(desired({}).entries.get("device nlx-7")).toEqual({
    ...{ kind: "device", type: "vxlan", name: "nlx-7", mac: deviceEnd("a", 7).mac, mtu: 1450 },
    ...{ id: 7, port: 4789, local: "198.51.0.1", ttl: 0, dscp: "inherit" },
  });
  expect(deviceEnd("a", 7).mac).not.toBe(deviceEnd("a", 8).mac);
});

test("a tunnel's process hears who is behind which host, and that hosts speak for themselves", () => {
  const { entries } = desired({ spec: { backend: "udp", underlayProtocol: "ipv6" } });
  expect(entries.get("device nlu-ipv6")).toEqual({
    ...{ kind: "device", type: "tun", name: "nlu-ipv6", mtu: 1452 },
  });
  const { kernel, tunnels } = apart(entries);
  expect([...kernel.values()].map(({ kind }) => kind)).not.toContain("peer");
  const [tunnel] = tunnelsOf(tunnels);
  expect(tunnel).toMatchObject(["nlu-ipv6", { local: "2001:db8::1" }]);
  expect(peersOf(tunnels, 9)).toEqual([
    {
      endpoint: { address: "2001:db8::2", port: 9 },
      prefixes: ["10.1.0.64/26", "fd01::40/122", "198.51.0.2/32", "2001:db8::2/128"],
    },
    {
      endpoint: { address: "2001:db8:0:9::3", port: 9 },
      prefixes: ["10.1.0.128/26", "198.51.9.3/32", "2001:db8:0:9::3/128"],
    },
  ]);
});

test("the WireGuard link hears of all that is behind hosts, and of what is on its way out", () => {
  const view = viewOf(nodeSpec({ spec: { backend: "wireguard" } }), "a", { tunnelTo });
  const gone: TunnelEntry[] = [
    { kind: "peer", device: "nlw0", dst: "10.1.9.0/26", endpoint: "d" },
    { kind: "peer", device: "nlw0", dst: "10.1.0.64/26", endpoint: "d" },
    { kind: "peer", device: "nlu-ipv4", dst: "10.1.8.0/26", endpoint: "198.51.0.9" },
  ];
  const { needs, protocols } = wireguardNeeds(view, keyed(gone));
  expect([...needs!]).toEqual([
    ["b", ["10.1.0.64/26", "fd01::40/122"]],
    ["c", ["10.1.0.128/26"]],
    ["d", ["10.1.9.0/26"]],
  ]);
  expect([...protocols]).toEqual([
    ["b", "ipv4"],
    ["c", "ipv4"],
  ]);
  const other = viewOf(nodeSpec({}), "a", { tunnelTo });
  expect(wireguardNeeds(other, new Map()).needs).toBeUndefined();
  expect(wireguardNeeds(other, keyed(gone)).needs!.size).toBe(1);
});

test("a backend that this build has not is refused, and what it can't do", () => {
  const network = (spec: object) => ({ spec: { type: "routed", ...spec } }) as never;
  for (const backend of ["host-gw", "vxlan", "udp", "wireguard", undefined]) {
    refuseBackend(network({ backend }));
  }
  refuseBackend(network({ type: "bridge" }));
  expect(() => refuseBackend(network({ backend: "later" }))).toThrow(
    'spec.backend: this release has no "later": take "host-gw", "vxlan", "bgp", "udp", "wireguard"',
  );
  expect(() => refuseBackend(network({ vxlan: { checksumOffload: false } }))).toThrow(
    "spec.vxlan.checksumOffload: cannot be false",
  );
});

test("another backend sets its ways before those of the first go, in their order", () => {
  const [plain, wrapped] = [{ backend: "host-gw" }, {}].map((spec) => desired({ spec }).entries);
  const kinds = (all: readonly { readonly kind: string }[]) => [
    ...new Set(all.map(({ kind }) => kind)),
  ];
  const there = difference(plain!, wrapped!);
  expect(kinds(there.set.map(({ entry }) => entry))).toEqual(["device", "fdb", "neigh", "route"]);
  expect(there.set.filter(({ entry, before }) => entry.kind === "route" && before)).toHaveLength(3);
  expect(there.gone).toEqual([]);
  const back = difference(wrapped!, plain!);
  expect(kinds(back.set.map(({ entry }) => entry))).toEqual(["route"]);
  expect(kinds(back.gone)).toEqual(["neigh", "fdb", "device"]);
  expect(difference(plain!, keyed([...plain!.values()].reverse()))).toEqual({ set: [], gone: [] });
});
