/** What a daemon should have, from hosts, peers and blocks. */
import { expect, test } from "bun:test";
import { desired } from "./desired.ts";
import { type BgpHost, type BgpInput, type BgpPeer, defaultConfiguration } from "./input.ts";
import { within } from "./policies.ts";
import { routerIdOf } from "./router-id.ts";
import { supportOf } from "./version.ts";

const host = (number: number, labels = {}, link = 1): BgpHost => ({
  name: `n${number}`,
  labels,
  addresses: [
    { address: `198.51.${link}.${number}`, prefixLength: 24 },
    { address: `2001:db8:${link}::${number}`, prefixLength: 64 },
  ],
});
const spec: BgpPeer = {
  address: "198.51.1.254",
  port: 179,
  asNumber: 65000,
  holdTimeSeconds: 90,
  allowOwnAs: 0,
  bfd: false,
};
const input: BgpInput = {
  configuration: defaultConfiguration,
  peers: [],
  host: host(1),
  hosts: [host(2), host(3)],
  clusterPrefixes: ["10.1.0.0/16", "2001:db8:aa::/48"],
  announced: [],
};
const reflecting = {
  ...input,
  configuration: { ...defaultConfiguration, routeReflectors: { matchLabels: { rr: "yes" } } },
};
const addresses = (of: BgpInput) => [...desired(of).peers.keys()];

test("hosts are a full mesh, by IPv4 where both have it", () => {
  expect(addresses(input)).toEqual(["198.51.1.2", "198.51.1.3"]);
});

test("with reflectors a host has sessions with them alone, and they with all", () => {
  const hosts = [host(2, { rr: "yes" }), host(3), host(4, { rr: "yes" })];
  expect(addresses({ ...reflecting, hosts })).toEqual(["198.51.1.2", "198.51.1.4"]);
  const self = host(1, { rr: "yes" });
  const { peers } = desired({ ...reflecting, host: self, hosts });
  expect([...peers].map(([, { config }]) => config.routeReflector?.isClient)).toEqual([
    undefined,
    true,
    undefined,
  ]);
});

test("a mesh that is too large goes on and is told of, with reflectors no more", () => {
  const mesh = { enabled: true, maxHosts: 2 };
  const large = { ...input, configuration: { ...defaultConfiguration, mesh } };
  expect(desired(large).peers.size).toBe(2);
  expect(desired(large).faults[0]?.message).toContain("name route reflectors");
});

test("a host's own AS is its label's; a wrong one is told of", () => {
  const own = host(1, { "netloom.dev/as-number": "4200000001" });
  expect(desired({ ...input, host: own }).global.asn).toBe(4_200_000_001);
  const wrong = host(1, { "netloom.dev/as-number": "0" });
  const { global, faults } = desired({ ...input, host: wrong });
  expect([global.asn, faults[0]?.message]).toEqual([
    64512,
    'label netloom.dev/as-number="0" is no AS number: set 1 to 4294967295',
  ]);
});

test("hosts of different AS on different links may be several hops apart", () => {
  const far = host(9, { "netloom.dev/as-number": "64600" }, 7);
  const near = host(8, { "netloom.dev/as-number": "64601" });
  const peers = [...desired({ ...input, hosts: [far, near] }).peers.values()];
  expect(peers.map(({ config }) => config.ebgpMultihop?.ttl)).toEqual([64, undefined]);
});

test("a peer is of the hosts that it selects, and not where its address is a host's", () => {
  const peers = [
    { name: "a", spec: { ...spec, hosts: { matchLabels: { rack: "r2" } } } },
    { name: "b", spec },
    { name: "c", spec },
  ];
  const { faults, peers: found } = desired({ ...input, peers });
  expect(found.get("198.51.1.254")?.owner).toBe("bgppeer/b");
  expect(faults).toEqual([
    { owner: "bgppeer/c", message: "address 198.51.1.254 is already that of bgppeer/b" },
  ]);
});

test("a peer that is the host itself has no session with it, and the others have", () => {
  const peers = [{ name: "all", spec: { ...spec, address: "198.51.1.2" } }];
  const at = (number: number) => ({ ...input, peers, host: host(number), hosts: [host(3)] });
  const { faults, peers: found } = desired(at(2));
  expect([...found.keys()]).toEqual(["198.51.1.3"]);
  expect(faults).toEqual([
    {
      owner: "bgppeer/all",
      message: `address 198.51.1.2 is host "${host(2).name}" itself: leave it out by spec.hosts`,
    },
  ]);
  expect([...desired(at(1)).peers.keys()]).toEqual(["198.51.1.3", "198.51.1.2"]);
});

test("a prefix outside of the cluster's is not announced, whatever the filters say", () => {
  const announced = ["10.1.2.0/26", "10.2.0.0/26", "2001:db8:aa:1::/64", "10.1.9.9/32"];
  const { paths, faults } = desired({ ...input, announced });
  expect([...paths.keys()]).toEqual(["10.1.2.0/26", "10.1.9.9/32", "2001:db8:aa:1::/64"]);
  expect(faults[0]?.message).toStartWith("10.2.0.0/26 is outside");
  const peers = [{ name: "b", spec: { ...spec, export: [{ cidr: "0.0.0.0/0" }] } }];
  const set = desired({ ...input, peers }).policies.definedSets.find(
    ({ name }) => name === "export-peer-b-ipv4",
  );
  expect(set?.prefixes).toEqual([{ prefix: "10.1.0.0/16", least: 16, most: 32 }]);
});

test("an IPv6 prefix names the host's own address, without one it is not announced", () => {
  const announced = ["2001:db8:aa:1::/64"];
  expect(desired({ ...input, announced }).paths.size).toBe(1);
  const bare = { ...host(1), addresses: host(1).addresses.slice(0, 1) };
  const { paths, faults } = desired({ ...input, host: bare, announced });
  expect([paths.size, faults[0]?.message]).toEqual([
    0,
    "2001:db8:aa:1::/64 is not announced: the host has no IPv6 address to be its next hop",
  ]);
});

test.each([
  [["10.0.0.0/8"], [{ cidr: "10.1.0.0/16" }], ["10.1.0.0/16 16-32"]],
  [["10.1.0.0/16"], [{ cidr: "10.0.0.0/8", maxLength: 24 }], ["10.1.0.0/16 16-24"]],
  [["10.1.0.0/16"], [{ cidr: "10.0.0.0/8", maxLength: 12 }], []],
  [["10.1.0.0/16"], [{ cidr: "10.2.0.0/16" }], []],
  [["10.1.0.0/16"], [{ cidr: "::/0" }], []],
])("what is in %j and passes %j is %j", (prefixes, filters, expected) => {
  expect(within(prefixes, filters).map((f) => `${f.cidr} ${f.minLength}-${f.maxLength}`)).toEqual(
    expected,
  );
});

test("a host without IPv4 has an identifier of its name", () => {
  const bare = (name: string) => routerIdOf({ name, labels: {}, addresses: [] });
  expect(bare("n1")).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
  expect(bare("n1")).not.toBe(bare("n2"));
});

test("equal input gives equal output, in any order of hosts' prefixes", () => {
  const announced = ["10.1.2.0/26", "10.1.1.0/26"];
  const turned = { ...input, announced: announced.toReversed() };
  expect([...desired(turned).paths]).toEqual([...desired({ ...input, announced }).paths]);
});

test("a release's version says what it can do", () => {
  expect(supportOf("gobgpd version 3.10.0\n")).toEqual({ version: "3.10.0" });
  expect(supportOf("gobgpd version 4.6.0")).toEqual({
    fault: "it is GoBGP 4.6.0, whose API is another: install GoBGP 3",
  });
  expect(supportOf("oops")).toEqual({ fault: 'it tells no version but "oops"' });
});
