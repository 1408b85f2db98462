/** What of a node spec BGP follows from. */
import { expect, test } from "bun:test";
import { bgpViewOf, type Told } from "./view.ts";

const underlay = [{ address: "198.51.0.1", prefixLength: 24, mtu: 1500 }];
const network = { metadata: { namespace: "default", name: "blue" } };
const port = (name: string, hosts: readonly string[], address: string, more: object = {}) => ({
  metadata: { namespace: "default", name },
  spec: { network: "blue", host: hosts.at(-1) },
  status: {
    bindings: hosts.map((host, i) => ({ host, epoch: i + 1, active: true })),
    addresses: [{ address, subnet: "blue", claimed: true, ...more }],
  },
});
const block = (cidr: string) => ({
  spec: { subnet: { namespace: "default", name: "blue" }, cidr, host: "a" },
});

function told(backend: string, more: Record<string, readonly object[]> = {}): Told {
  const objects: Record<string, readonly object[]> = {
    networks: [{ ...network, spec: { type: "routed", backend } }],
    ipblocks: [block("10.1.0.0/26"), block("10.1.0.64/26"), block("fd00:1::/122")],
    ...more,
  };
  const prefixes = [{ subnet: "default/blue", cidr: "fd00:1::/64" }];
  return {
    all: (plural: string) => objects[plural] ?? [],
    host: () => ({
      metadata: { labels: { rack: "one" } },
      spec: { prefixes },
      status: { underlay },
    }),
    subnet: () => ({ spec: { network: "blue" } }),
    subnetsOf: () => [{ spec: { cidr: "10.1.0.0/16" } }, { spec: { cidr: "fd00:1::/48" } }],
  } as unknown as Told;
}

test("blocks are told in as few prefixes as can be, with the host's own", () => {
  expect(bgpViewOf(told("bgp"), "a").networks).toEqual([
    {
      ...{ name: "default/blue", cidrs: ["10.1.0.0/16", "fd00:1::/48"] },
      announced: ["10.1.0.0/25", "fd00:1::/64"],
    },
  ]);
  expect(bgpViewOf(told("vxlan"), "a").networks).toEqual([]);
});

test("an address of no block is told by the host that had the port last", () => {
  const ports = [
    ...[port("here", ["b", "a"], "10.1.9.1"), port("went", ["a", "b"], "10.1.9.2")],
    ...[port("six", ["a"], "fd00:1::9:1"), port("usual", ["a"], "10.1.0.9", { claimed: false })],
  ];
  const [blue] = bgpViewOf(told("bgp", { ports }), "a").networks;
  expect(blue!.announced.slice(2)).toEqual(["10.1.9.1/32", "fd00:1::9:1/128"]);
});

test("defaults count but for what the object named default says", () => {
  const named = (name: string) => ({ metadata: { name }, spec: { mesh: { maxHosts: 5 } } });
  const of = (...names: string[]) =>
    bgpViewOf(told("bgp", { bgpconfigurations: names.map(named) }), "a").configuration;
  expect(of("other").mesh).toEqual({ enabled: true, maxHosts: 100 });
  expect(of("other", "default")).toMatchObject({
    ...{ asNumber: 64512, listenPort: 179, mesh: { enabled: true, maxHosts: 5 } },
  });
});

test("of hosts their labels and addresses are known, this one's name among them", () => {
  const spec = { labels: { rr: "yes" }, addresses: [{ address: "198.51.0.2", prefixLength: 24 }] };
  const bgpneighbors = [{ metadata: { name: "b" }, spec }];
  const { host, hosts } = bgpViewOf(told("bgp", { bgpneighbors }), "a");
  expect(host.labels).toEqual({ "kubernetes.io/hostname": "a", rack: "one" });
  expect(hosts).toEqual([{ name: "b", ...spec }]);
});
