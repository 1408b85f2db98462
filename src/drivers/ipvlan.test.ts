/** Ipvlan: configuration to objects, and what is refused. */
import { describe, expect, test } from "bun:test";
import type { ChildLink } from "../model/kernel-object.ts";
import type { HostFacts } from "./driver.ts";
import { ofKind, plainHost, plainPort, sysctlsOf } from "./driver-fixture.ts";
import { ipvlan } from "./ipvlan.ts";

const parse = (input: Record<string, unknown>) => ipvlan.parse(input);
const objectsOf = (input: Record<string, unknown>, facts: Partial<HostFacts> = {}) =>
  ipvlan.port(plainPort, parse(input), { ...plainHost, ...facts });
const linkOf = (...given: Parameters<typeof objectsOf>) =>
  ofKind("link", objectsOf(...given))[0] as ChildLink;

describe("configuration", () => {
  test("has the reference's defaults", () => {
    const plain = {
      mode: "l2",
      flag: "bridge",
      linkInContainer: false,
      vlan: 0,
      mtu: 0,
      enabledad: false,
      acceptRa: false,
      raGuard: undefined,
    };
    expect(parse({})).toEqual(plain as never);
    expect(parse({ master: "", mode: "", flag: "" })).toEqual(plain as never);
  });

  test("has the link before it in the chain as its parent", () => {
    const prevResult = { interfaces: [{ name: "ens5" }] };
    expect(parse({ prevResult }).parent).toBe("ens5");
    expect(parse({ prevResult, master: "eth0" }).parent).toBe("eth0");
    expect(parse({ prevResult: null }).parent).toBeUndefined();
  });

  const refused: [string, Record<string, unknown>, string][] = [
    ["an unknown mode", { mode: "l4" }, "mode"],
    ["a mode in capitals", { mode: "L2" }, "mode"],
    ["an unknown flag", { flag: "passthru" }, "flag"],
    ["two parents", { master: "eth0", parent: "eth1" }, "parent"],
    ["a VLAN in the container", { vlan: 5, linkInContainer: true }, "vlan"],
    ["a VLAN beyond the last", { vlan: 4095 }, "vlan"],
    ["a VLAN as text", { vlan: "5" }, "vlan"],
    ["an MTU below the least", { mtu: 67 }, "mtu"],
    ["DHCP in mode l3", { mode: "l3", ipam: { type: "dhcp" } }, "ipam.type"],
    [
      "two links before it",
      { prevResult: { interfaces: [{ name: "a" }, { name: "b" }] } },
      "master",
    ],
    ["no link before it", { prevResult: {} }, "master"],
    ["a nameless link before it", { prevResult: { interfaces: [{ name: "" }] } }, "master"],
  ];
  test.each(refused)("refuses %s", (_, input, path) => {
    expect(() => parse(input)).toThrow(expect.objectContaining({ name: "ConfigError", path }));
  });
});

describe("the container's link", () => {
  for (const mode of ["l2", "l3", "l3s"] as const) {
    for (const flag of ["bridge", "private", "vepa"] as const) {
      test(`in mode ${mode} with flag ${flag} is born there, with its parent's address`, () => {
        expect(linkOf({ master: "lan", mode, flag })).toMatchObject({
          netns: plainPort.netns,
          name: "eth0",
          type: "ipvlan",
          mac: "02:00:00:00:00:99",
          mtu: 1500,
          life: "exclusive",
          parent: { netns: "host", name: "lan" },
          ipvlan: { mode, flag },
        });
      });
    }
  }

  test("stands on the link of the default route where none is named", () => {
    expect(linkOf({}, { defaultLink: () => "lan" }).parent.name).toBe("lan");
    expect(() => linkOf({})).toThrow("master: is missing");
  });

  test("stands on the parent's sub-interface in a VLAN", () => {
    expect(linkOf({ master: "lan", vlan: 7 }).parent).toEqual({ netns: "host", name: "lan.7" });
    const shared = ipvlan.network(parse({ master: "lan", vlan: 7 }), "blue", plainHost);
    expect(ofKind("link", shared)).toMatchObject([{ name: "lan.7", life: "counted" }]);
    expect(sysctlsOf(shared)).toContain("net/ipv6/conf/lan.7/disable_ipv6=1");
  });

  test("is no larger than a sub-interface that somebody made smaller", () => {
    const facts: Partial<HostFacts> = {
      vlanLink: () => ({ name: "storage", isOurs: false }),
      link: ({ name }) => ({ index: 7, mac: "", mtu: name === "storage" ? 1400 : 1500, up: true }),
    };
    expect(linkOf({ master: "lan", vlan: 7 }, facts)).toMatchObject({
      mtu: 1400,
      parent: { name: "storage" },
    });
    expect(() => linkOf({ master: "lan", vlan: 7, mtu: 1500 }, facts)).toThrow(
      '1500 is more than the 1400 of the parent "storage"',
    );
  });

  test("in mode l3 lets the host route by IPv6 on the sub-interface", () => {
    const shared = ipvlan.network(parse({ master: "lan", vlan: 7, mode: "l3" }), "b", plainHost);
    expect(sysctlsOf(shared)).toEqual(["net/ipv6/conf/lan.7/accept_ra=0"]);
  });
});

describe("is refused with what to do", () => {
  const on = { master: "lan" };

  test("without addresses", () => {
    expect(() => ipvlan.complete({ ...plainPort, ips: [] }, parse(on))).toThrow("ipam: missing");
  });

  test("a larger MTU than the parent's", () => {
    expect(() => linkOf({ ...on, mtu: 1501 })).toThrow("1501 is more than the 1500 of the parent");
  });

  test("a VLAN of a trunk that is down", () => {
    const link = () => ({ index: 7, mac: "02:00:00:00:00:99", mtu: 1500, up: false });
    const vlan = parse({ ...on, vlan: 7 });
    expect(() => ipvlan.network(vlan, "blue", { ...plainHost, link })).toThrow(
      "ip link set lan up",
    );
  });

  const overlaps: [string, string][] = [
    ["10.1.0.1/24", "l3"],
    ["10.1.0.200/25", "l3s"],
    ["10.0.0.1/8", "l3"],
    ["fd00::1/48", "l3s"],
  ];
  test.each(overlaps)("a subnet that overlaps %s of the parent, in mode %s", (address, mode) => {
    const clash = () => linkOf({ ...on, mode }, { addresses: () => [address] });
    expect(clash).toThrow(`overlaps ${address} of the parent "lan"`);
    expect(clash).toThrow('or take "mode": "l2"');
    expect(() => linkOf(on, { addresses: () => [address] })).not.toThrow();
    expect(() => linkOf({ ...on, mode }, { addresses: () => ["192.0.2.1/24"] })).not.toThrow();
  });

  test("a mode or flag that the parent's other links have not", () => {
    const sibling = linkOf(on);
    const facts = (link: Partial<ChildLink>): Partial<HostFacts> => ({
      findChild: (_, condition) => [{ ...sibling, scope: "att:x", ...link }].find(condition),
    });
    const l3 = facts({ ipvlan: { mode: "l3", flag: "bridge" }, netns: "/run/netns/c9" });
    expect(() => linkOf(on, l3)).toThrow('mode: all ipvlan links on "lan" have one, and "eth0" in');
    expect(() => linkOf({ ...on, mode: "l3" }, l3)).not.toThrow();
    expect(() => linkOf({ ...on, mode: "l3", flag: "vepa" }, l3)).toThrow("flag: all ipvlan links");
    // Its own earlier self is replaced, whatever it was.
    const own = facts({ ipvlan: { mode: "l3" }, scope: sibling.scope });
    expect(() => linkOf(on, own)).not.toThrow();
  });
});
