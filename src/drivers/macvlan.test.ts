/** Macvlan: configuration to objects. */
import { describe, expect, test } from "bun:test";
import type { HostFacts } from "./driver.ts";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import { type MacvlanConfig, macvlan } from "./macvlan.ts";

const linkOf = (config: MacvlanConfig, host: HostFacts = plainHost) =>
  ofKind("link", macvlan.port(plainPort, config, host))[0]!;
const parse = (input: Record<string, unknown>) => macvlan.parse(input);

describe("configuration", () => {
  test("has the reference's defaults", () => {
    expect(parse({})).toEqual({
      mode: "bridge",
      mtu: 0,
      mac: undefined,
      linkInContainer: false,
      vlan: 0,
      bcqueuelen: 0,
      allowedMacs: [],
      enabledad: false,
      maxMacs: undefined,
      hostShim: false,
      hostShimAddresses: [],
      acceptRa: false,
      raGuard: undefined,
      macspoofchk: false,
      ipspoofchk: false,
    });
    expect(parse({ master: "", mode: "", mac: "" })).toEqual(parse({}));
  });

  for (const [name, input, path] of [
    ["an unknown mode", { mode: "bridged" }, "mode"],
    ["a negative queue", { bcqueuelen: -1 }, "bcqueuelen"],
    ["a queue beyond 32 bits", { bcqueuelen: 2 ** 32 }, "bcqueuelen"],
    ["source mode that lets nobody in", { mode: "source" }, "allowedMacs"],
    ["addresses to let in, in another mode", { allowedMacs: ["02:00:00:00:00:01"] }, "allowedMacs"],
    [
      "a group address to let in",
      { mode: "source", allowedMacs: ["01:00:5e:00:00:01"] },
      "allowedMacs[0]",
    ],
    ["two parents", { master: "eth0", parent: "eth1" }, "parent"],
    ["a name that no link can have", { master: "a/b" }, "master"],
    ["linkInContainer as text", { linkInContainer: "true" }, "linkInContainer"],
    ["a group address of its own", { mac: "ff:ff:ff:ff:ff:ff" }, "mac"],
  ] as const) {
    test(`refuses ${name}`, () => {
      expect(() => parse(input)).toThrow(expect.objectContaining({ name: "ConfigError", path }));
    });
  }
});

describe("the container's link", () => {
  test("stands on the parent, is born in the container's namespace, and is as large", () => {
    expect(linkOf(parse({ parent: "lan", bcqueuelen: 5000 }))).toMatchObject({
      netns: plainPort.netns,
      name: "eth0",
      type: "macvlan",
      mac: plainPort.mac,
      mtu: 1500,
      parent: { netns: "host", name: "lan" },
      macvlan: { mode: "bridge", bcQueueLength: 5000 },
    });
  });

  test("stands on the link of the default route where none is named", () => {
    const host = { ...plainHost, defaultLink: () => "lan" };
    expect(linkOf(parse({}), host)).toMatchObject({ parent: { name: "lan" } });
    expect(() => linkOf(parse({}))).toThrow("master: is missing, and there is no default route");
  });

  test("may have its parent beside it in the container", () => {
    const place = { netns: plainPort.netns, name: "lan" };
    expect(linkOf(parse({ master: "lan", linkInContainer: true }))).toMatchObject({
      parent: place,
    });
  });

  test("has its parent's hardware address in passthru, and its own in any other mode", () => {
    expect(linkOf(parse({ master: "lan", mode: "passthru" })).mac).toBe("02:00:00:00:00:99");
    expect(linkOf(parse({ master: "lan", mode: "vepa" })).mac).toBe(plainPort.mac);
  });

  test("is guarded in the container's namespace, where the kernel can unless it is asked for", () => {
    const guards = (input: object) =>
      ofKind("link-guard", macvlan.port(plainPort, parse({ master: "lan", ...input }), plainHost));
    const own = { table: "netloom_cni_0123456789abcdef", device: "eth0", netns: plainPort.netns };
    expect(guards({})).toMatchObject([{ ...own, dropsRouterAdverts: true, isRequired: false }]);
    expect(guards({ raGuard: true })).toMatchObject([{ isRequired: true }]);
    expect(guards({ raGuard: false })).toEqual([]);
    expect(guards({ raGuard: false, macspoofchk: true })).toMatchObject([
      { dropsRouterAdverts: false, mac: plainPort.mac, isRequired: true },
    ]);
    expect(guards({ ipspoofchk: true })).toMatchObject([
      { mac: plainPort.mac, addresses: ["10.1.0.5", "fd00::5"] },
    ]);
  });

  test("lets in the addresses named, in one order", () => {
    const allowedMacs = ["02:00:00:00:00:0b", "02:00:00:00:00:0A", "02:00:00:00:00:0b"];
    expect(linkOf(parse({ master: "lan", mode: "source", allowedMacs }))).toMatchObject({
      macvlan: { mode: "source", allowedMacs: ["02:00:00:00:00:0a", "02:00:00:00:00:0b"] },
    });
  });

  test("is refused beyond the hardware addresses allowed, and warned of beyond the usual ones", () => {
    const crowd = (count: number) => ({ ...plainHost, otherMacs: () => count });
    const limited = parse({ master: "lan", maxMacs: 3 });
    expect(linkOf(limited, crowd(2)).name).toBe("eth0");
    expect(() => linkOf(limited, crowd(3))).toThrow('maxMacs: parent "lan" has 3 hardware');
    const usual = parse({ master: "lan" });
    expect(linkOf(usual, crowd(600)).name).toBe("eth0");
    expect(macvlan.warnings!(plainPort, usual, crowd(511))).toEqual([]);
    expect(macvlan.warnings!(plainPort, usual, crowd(512)).join()).toContain("take type ipvlan");
  });

  test("is warned of on a parent that is down", () => {
    const link: HostFacts["link"] = () => ({
      ...plainHost.link({ netns: "", name: "lan" })!,
      up: false,
    });
    expect(macvlan.warnings!(plainPort, parse({ master: "lan" }), { ...plainHost, link })).toEqual([
      'parent "lan" is down: packets pass once it is up (ip link set lan up)',
    ]);
  });

  test("is refused where it would be larger than its parent, or on one that is not there", () => {
    expect(() => linkOf(parse({ master: "lan", mtu: 1501 }))).toThrow(
      'mtu: 1501 is more than the 1500 of the parent "lan"',
    );
    expect(() => linkOf(parse({ master: "nil" }))).toThrow('there is no link "nil" on this host');
  });
});
