/** The host's way to its macvlan children: which networks have one, and what it is made of. */
import { expect, test } from "bun:test";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import { shimName } from "./host-shim.ts";
import { macvlan } from "./macvlan.ts";

const shim = { master: "lan", hostShim: true };
const host = { ...plainHost, addresses: () => ["10.1.0.1/24", "fd00::1/64"] };

test.each([
  ["mode private", { ...shim, mode: "private" }, 'hostShim: does not go with mode "private"'],
  ["mode passthru", { ...shim, mode: "passthru" }, 'does not go with mode "passthru"'],
  ["a parent in the container", { ...shim, linkInContainer: true }, "linkInContainer"],
  ["addresses without a shim", { hostShimAddresses: ["10.1.0.1"] }, "hostShimAddresses: goes with"],
  ["addresses that are none", { ...shim, hostShimAddresses: ["10.1"] }, "hostShimAddresses[0]"],
  ["no word but true and false", { hostShim: "yes" }, "hostShim: must be true or false"],
])("is refused with %s", (_, input, message) => {
  expect(() => macvlan.parse(input)).toThrow(message);
});

test("is counted on the host, with a route and a neighbour a child, and the host's in the child", () => {
  const objects = macvlan.port(plainPort, macvlan.parse(shim), host);
  const [link] = ofKind("link", objects).filter(({ netns }) => netns === "host");
  expect(link).toMatchObject({ name: "nls-lan", life: "counted", noarp: true, mtu: 1500 });
  expect(ofKind("route", objects).map(({ dst, link, source }) => [dst, link, source])).toEqual([
    ["10.1.0.5/32", "nls-lan", "10.1.0.1"],
    ["fd00::5/128", "nls-lan", "fd00::1"],
  ]);
  expect(ofKind("neigh", objects).map(({ address, link, mac }) => [address, link, mac])).toEqual([
    ["10.1.0.5", "nls-lan", plainPort.mac],
    ["fd00::5", "nls-lan", plainPort.mac],
    ["10.1.0.1", "eth0", link!.mac!],
    ["fd00::1", "eth0", link!.mac!],
  ]);
});

test("needs an address of a family on both sides, unless the container's is still to come", () => {
  const bare = { ...plainHost, addresses: () => [] };
  const parsed = macvlan.parse(shim);
  expect(() => macvlan.port(plainPort, parsed, bare)).toThrow("hostShim: needs an address on each");
  const waiting = { ...plainPort, ips: [], awaitsAddresses: true };
  expect(ofKind("link", macvlan.port(waiting, parsed, host))).toHaveLength(2);
});

test("has a name of at most 15 bytes that differs from parent to parent", () => {
  const facts = {
    instance: "cni",
    sha512: (text: string) => new Bun.CryptoHasher("sha512").update(text).digest("hex"),
  };
  const names = ["eth0", "enp129s0f1", "enp129s0f1np1", "enp129s0f1np2"].map((parent) =>
    shimName(parent, facts),
  );
  // Each instance has its own.
  for (const instance of ["a", "b"]) names.push(shimName("eth0", { ...facts, instance }));
  expect(new Set(names).size).toBe(6);
  for (const name of names) expect(name).toMatch(/^nls-.{1,11}$/);
});
