/** Sub-interfaces of a trunk: what they are called, and what is made of them. */
import { describe, expect, test } from "bun:test";
import { hostNetns } from "../model/kernel-object.ts";
import type { HostFacts } from "./driver.ts";
import { ofKind, plainHost, sysctlsOf } from "./driver-fixture.ts";
import { subInterface, subInterfaceName } from "./sub-interface.ts";

const trunk = { netns: hostNetns, name: "lan" };
const of = (facts: Partial<HostFacts> = {}) =>
  subInterface({ trunk, id: 100 }, { ...plainHost, ...facts });

describe("the name", () => {
  const cases: [string, number, string][] = [
    ["eth1", 100, "eth1.100"],
    ["enp134s0f1", 4094, "enp134s0f1.4094"],
  ];
  test.each(cases)("of VLAN %s, %i is %s", (name, id, expected) => {
    expect(subInterfaceName(name, id)).toBe(expected);
  });

  test("of a longer one is cut, fits, keeps its VLAN, and is the same each time", () => {
    for (const [name, id] of [
      ["enp134s0f1np1", 100],
      ["enp134s0f1np15", 4094],
      ["ünïcödé-bünd", 7],
    ] as const) {
      const short = subInterfaceName(name, id);
      expect(new TextEncoder().encode(short).length).toBeLessThanOrEqual(15);
      expect(short).toEndWith(`.${id}`);
      expect(short).toStartWith(name.slice(0, 4));
      expect(subInterfaceName(name, id)).toBe(short);
    }
  });

  test("tells trunks that begin alike from each other", () => {
    const names = Array.from({ length: 64 }, (_, i) => subInterfaceName(`enp134s0f${i}np${i}`, 10));
    expect(new Set(names).size).toBe(64);
  });
});

describe("a sub-interface that is not there", () => {
  test("is made under our mark and goes with its last user", () => {
    expect(ofKind("link", of().objects("blue"))).toEqual([
      {
        netns: "host",
        scope: "net:blue",
        life: "counted",
        kind: "link",
        type: "vlan",
        name: "lan.100",
        alias: "netloom:cni",
        parent: trunk,
        vlan: { id: 100 },
        up: true,
      },
    ]);
  });

  test("makes the host no member of the VLAN, unless the host routes for it", () => {
    const conf = "net/ipv6/conf/lan.100";
    expect(sysctlsOf(of().objects("blue"))).toEqual([
      `${conf}/accept_ra=0`,
      `${conf}/disable_ipv6=1`,
    ]);
    expect(sysctlsOf(of().objects("blue", { routes: true }))).toEqual([`${conf}/accept_ra=0`]);
    expect(sysctlsOf(of({ ipv6: false }).objects("blue"))).toEqual([]);
  });

  test("is refused where another link has its name", () => {
    const link = ({ name }: { name: string }) =>
      name === "lan.100" ? { index: 9, mac: "", mtu: 1500, up: true } : undefined;
    expect(() => of({ link })).toThrow('link "lan.100" exists and is not VLAN 100 of "lan"');
  });
});

describe("a sub-interface that is there", () => {
  test("and ours is the same for every user", () => {
    const ours = of({ vlanLink: () => ({ name: "lan.100", isOurs: true }) });
    expect(ours.objects("blue")).toEqual(of().objects("blue"));
  });

  test("and somebody else's is taken under its name, and never removed", () => {
    const found = of({ vlanLink: () => ({ name: "storage", isOurs: false }) });
    expect(found.name).toBe("storage");
    const objects = found.objects("blue");
    expect(objects).toHaveLength(1);
    expect(objects[0]).toMatchObject({ name: "storage", life: "shared", vlan: { id: 100 } });
    expect(objects[0]).not.toHaveProperty("alias");
  });
});
