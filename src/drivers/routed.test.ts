/** What containers of a routed network need, from the configuration and the host alone. */
import { expect, test } from "bun:test";
import { hostNetns } from "../model/kernel-object.ts";
import type { Port, PortRoute } from "../model/port.ts";
import { ofKind, plainHost, plainPort, sysctlsOf } from "./driver-fixture.ts";
import { routed, routedGatewayMac } from "./routed.ts";

const given: Port = {
  ...plainPort,
  ips: [
    { address: "10.1.0.5/24", gateway: "10.1.0.1" },
    { address: "fd00::5/64", gateway: "fd00::1" },
  ],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};
const complete = (of: Partial<Port> = {}) => routed.complete({ ...given, ...of }, routed.parse({}));
const objects = (input: Record<string, unknown> = {}, of: Port = complete()) =>
  routed.port(of, routed.parse(input), plainHost);

test.each([
  ["an MTU that is none", { mtu: "1500" }, "mtu: must be"],
  ["ipMasq that is no flag", { ipMasq: 1 }, "ipMasq: must be"],
  ["destinations that are none", { unmasqueraded: ["10.1.0.0"] }, "unmasqueraded[0]: must be"],
  ["a guard of advertisements", { raGuard: true }, "raGuard: cannot be true"],
])("refuses %s with the field's path", (_, input, words) => {
  expect(() => routed.parse(input)).toThrow(words);
});

test("refuses no addresses, and IPv6 on a link too small for it", () => {
  expect(() => complete({ ips: [] })).toThrow("ipam: is missing");
  expect(() => objects({ mtu: 1200 })).toThrow("mtu: 1200 is too small");
});

test("gives single addresses, and routes that lead by the host", () => {
  expect(complete()).toMatchObject({
    ips: [
      { address: "10.1.0.5/32", gateway: "169.254.1.1" },
      { address: "fd00::5/128", gateway: "fe80::1" },
    ],
    subnets: ["10.1.0.0/24", "fd00::/64"],
    routes: [{ dst: "10.1.0.0/24" }, { dst: "fd00::/64" }, { dst: "0.0.0.0/0" }, { dst: "::/0" }],
  });
});

test("takes IPAM's gateway for the host, and refuses other routers", () => {
  const routes = (...all: PortRoute[]) => complete({ routes: all }).routes.slice(2);
  expect(routes({ dst: "0.0.0.0/0", gw: "10.1.0.1", priority: 5 })).toEqual([
    { dst: "0.0.0.0/0", priority: 5 },
  ]);
  expect(() => routes({ dst: "192.0.2.0/24", gw: "10.1.0.9" })).toThrow(
    'ipam: route 192.0.2.0/24 leads by 10.1.0.9, and a routed link leads to the host alone: leave "gw" out',
  );
});

test("the host's end bears the gateways, and the host leads to the container", () => {
  const onHost = objects().filter(({ netns }) => netns === hostNetns);
  expect(ofKind("link", onHost)).toMatchObject([{ mac: routedGatewayMac, peer: { name: "eth0" } }]);
  expect(ofKind("address", onHost).map(({ address }) => address)).toEqual([
    "169.254.1.1/32",
    "fe80::1/128",
  ]);
  expect(ofKind("route", onHost).map(({ dst, scopeId }) => [dst, scopeId])).toEqual([
    ["10.1.0.5/32", 253],
    ["fd00::5/128", 253],
  ]);
  expect(ofKind("neigh", onHost).map(({ address, mac }) => [address, mac])).toEqual([
    ["10.1.0.5", given.mac],
    ["fd00::5", given.mac],
  ]);
});

test("in the container all leads by the gateway, from an address of the link", () => {
  const inside = objects().filter(({ netns }) => netns === given.netns);
  expect(ofKind("address", inside).map(({ address, dad }) => [address, dad])).toEqual([
    ["10.1.0.5/32", false],
    ["fd00::5/128", false],
  ]);
  expect(ofKind("neigh", inside).map(({ address, mac }) => [address, mac])).toEqual([
    ["169.254.1.1", routedGatewayMac],
    ["fe80::1", routedGatewayMac],
  ]);
  const routes = ofKind("route", inside);
  expect(routes.map(({ dst, gateway, source, onlink }) => [dst, gateway, source, onlink])).toEqual([
    ["169.254.1.1/32", undefined, "10.1.0.5", undefined],
    ["10.1.0.0/24", "169.254.1.1", "10.1.0.5", true],
    ["fd00::/64", "fe80::1", "fd00::5", undefined],
    ["0.0.0.0/0", "169.254.1.1", "10.1.0.5", true],
    ["::/0", "fe80::1", "fd00::5", undefined],
  ]);
});

test("of several addresses of a family, each is the source to its own subnet", () => {
  const ips = [{ address: "10.1.0.5/24" }, { address: "10.2.0.7/24" }];
  const inside = objects({}, complete({ ips, routes: [{ dst: "0.0.0.0/0" }] })).filter(
    ({ netns }) => netns === given.netns,
  );
  expect(ofKind("route", inside).map(({ dst, source }) => [dst, source])).toEqual([
    ["169.254.1.1/32", "10.1.0.5"],
    ["10.1.0.0/24", "10.1.0.5"],
    ["10.2.0.0/24", "10.2.0.7"],
    ["0.0.0.0/0", "10.1.0.5"],
  ]);
  expect(ofKind("address", objects({}, complete({ ips })))).toHaveLength(3);
});

test("two links of one container have routes to their gateways that stand side by side", () => {
  const sha512 = (text: string) => (text === "eth0" ? "00a1ff" : "00b2ff");
  const priorities = ["eth0", "eth1"].map((ifName) => {
    const port = { ...complete(), ifName };
    const all = routed.port(port, routed.parse({}), { ...plainHost, sha512 });
    return ofKind("route", all).find(
      ({ dst, netns }) => dst === "169.254.1.1/32" && netns !== "host",
    );
  });
  expect(priorities.map((route) => route?.priority)).toEqual([0xa1, 0xb2]);
});

test("has the host forward both families, and looks for no duplicates", () => {
  const sysctls = sysctlsOf(objects());
  expect(sysctls).toContain("net/ipv4/ip_forward=1");
  expect(sysctls).toContain("net/ipv6/conf/all/forwarding=1");
  expect(sysctls).toContain(`net/ipv6/conf/${given.hostLink}/accept_dad=0`);
  expect(sysctls).toContain(`net/ipv6/conf/${given.hostLink}/accept_ra=0`);
  expect(sysctls).toContain("net/ipv6/conf/eth0/accept_dad=0");
  expect(sysctls).toContain("net/ipv6/conf/eth0/accept_ra=0");
});

test("masquerades unless told not to, but not to what it is to spare", () => {
  const input = { unmasqueraded: ["10.9.0.0/16", "10.1.0.0/24", "fd09::/32"] };
  expect(ofKind("nft-chain", objects(input)).map(({ rules }) => rules)).toEqual([
    [
      "ip daddr 10.1.0.0/24 return",
      "ip daddr 10.9.0.0/16 return",
      "ip daddr 224.0.0.0/4 return",
      "masquerade",
    ],
    [
      "ip6 daddr fd00::/64 return",
      "ip6 daddr fd09::/32 return",
      "ip6 daddr ff00::/8 return",
      "masquerade",
    ],
  ]);
  expect(ofKind("nft-chain", objects({ ipMasq: false }))).toEqual([]);
});

test("is held to its addresses where that is asked for", () => {
  const elements = (input: Record<string, unknown>) =>
    ofKind("nft-element", objects({ ipMasq: false, ...input })).map(({ set, key }) => [
      set,
      ...key.flatMap((value) => Object.values(value)),
    ]);
  const { hostLink } = given;
  expect(elements({})).toEqual([]);
  expect(elements({ ipspoofchk: true })).toEqual([
    ["sources4", hostLink, "10.1.0.5"],
    ["sources6", hostLink, "fd00::5"],
    ["sources6", hostLink, "fe80::ff:fe00:2"],
    ["sources6", hostLink, "::"],
    ["source_guarded", hostLink],
  ]);
});
