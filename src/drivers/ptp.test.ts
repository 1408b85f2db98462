/** What containers on links of their own need, from the configuration and the host alone. */
import { expect, test } from "bun:test";
import { hostNetns } from "../model/kernel-object.ts";
import type { Port } from "../model/port.ts";
import { ofKind, plainHost, plainPort, sysctlsOf } from "./driver-fixture.ts";
import { ptp } from "./ptp.ts";

const port: Port = {
  ...plainPort,
  ips: [
    { address: "10.1.0.5/24", gateway: "10.1.0.1" },
    { address: "fd00::5/64", gateway: "fd00::1" },
  ],
};
const objects = (input: Record<string, unknown> = {}, of: Port = port) =>
  ptp.port(of, ptp.parse(input), plainHost);

test.each([
  ["an MTU that is none", { mtu: "1500" }, "mtu"],
  ["an MTU that is too small", { mtu: 5 }, "mtu"],
  ["ipMasq that is no flag", { ipMasq: 1 }, "ipMasq"],
  ["another backend", { ipMasqBackend: "pf" }, "ipMasqBackend"],
])("refuses %s with the field's path", (_, input, path) => {
  expect(() => ptp.parse(input)).toThrow(`${path}: must be`);
});

test.each(["raGuard", "ipspoofchk"])("refuses %s, which it has no part in", (guard) => {
  expect(() => ptp.parse({ [guard]: true })).toThrow(
    `${guard}: cannot be true: what the container`,
  );
  expect(() => ptp.parse({ [guard]: "on" })).toThrow(`${guard}: must be true or false`);
  expect(ptp.parse({ [guard]: false })).toEqual(ptp.parse({}));
});

test("refuses an address without gateway, which only IPAM can name", () => {
  expect(ptp.complete(port, ptp.parse({}))).toBe(port);
  expect(() => ptp.complete(plainPort, ptp.parse({}))).toThrow(
    "IPAM gave 10.1.0.5/24 without a gateway",
  );
});

test("needs nothing that its ports share", () => {
  expect(ptp.network(ptp.parse({}), "blue", plainHost)).toEqual([]);
});

test("is a pair whose host's end bears the gateways and leads to the container", () => {
  expect(ofKind("link", objects({ mtu: 1400 }))).toMatchObject([
    { name: port.hostLink, mtu: 1400, up: true, peer: { name: "eth0", mtu: 1400, up: true } },
  ]);
  const onHost = ofKind("address", objects()).filter(({ netns }) => netns === hostNetns);
  expect(onHost.map(({ link, address, life }) => [link, address, life])).toEqual([
    [port.hostLink, "10.1.0.1/32", "exclusive"],
    [port.hostLink, "fd00::1/128", "exclusive"],
  ]);
  const routes = ofKind("route", objects()).filter(({ netns }) => netns === hostNetns);
  expect(routes.map(({ dst, link }) => [dst, link])).toEqual([
    ["10.1.0.5/32", port.hostLink],
    ["fd00::5/128", port.hostLink],
  ]);
});

test("in the container leads even its own subnet through the gateway", () => {
  const inside = ofKind("route", objects()).filter(({ netns }) => netns === port.netns);
  expect(
    inside.map(({ dst, gateway, source, scopeId }) => [dst, gateway, source, scopeId]),
  ).toEqual([
    ["10.1.0.1/32", undefined, "10.1.0.5", 253],
    ["10.1.0.0/24", "10.1.0.1", "10.1.0.5", 0],
    ["fd00::1/128", undefined, "fd00::5", 253],
    ["fd00::/64", "fd00::1", "fd00::5", 0],
  ]);
  const addresses = ofKind("address", objects()).filter(({ netns }) => netns === port.netns);
  expect(addresses.map(({ prefixRoute }) => prefixRoute)).toEqual([false, false]);
});

test("has the host forward both families, and ask for neighbours at once", () => {
  const sysctls = sysctlsOf(objects());
  expect(sysctls).toContain("net/ipv4/ip_forward=1");
  expect(sysctls).toContain("net/ipv6/conf/all/forwarding=1");
  expect(sysctls).toContain(`net/ipv6/conf/${port.hostLink}/accept_dad=0`);
});

test("masquerades only when asked to", () => {
  const sets = (input: Record<string, unknown>) =>
    ofKind("nft-element", objects(input)).map(({ set }) => set);
  expect(sets({})).toEqual([]);
  expect(sets({ ipMasq: true })).toEqual(["masquerade4", "masquerade6"]);
});

test("lists the host's link before the container's", () => {
  expect(ptp.links(port, ptp.parse({})).map(({ name }) => name)).toEqual([port.hostLink, "eth0"]);
});
