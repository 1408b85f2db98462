/** Tap: configuration to objects, and what is refused. */
import { describe, expect, test } from "bun:test";
import type { HostFacts } from "./driver.ts";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import { tap } from "./tap.ts";

const linkOf = (input: Record<string, unknown>, facts: Partial<HostFacts> = {}) =>
  ofKind("link", tap.port(plainPort, tap.parse(input), { ...plainHost, ...facts }))[0]!;

describe("a tap", () => {
  test("has the reference's defaults", () => {
    expect(linkOf({})).toMatchObject({
      netns: plainPort.netns,
      name: "eth0",
      type: "tun",
      mac: plainPort.mac,
      mtu: 1500,
      tun: { type: "tap", multiQueue: false },
    });
    expect(linkOf({ bridge: "", mac: "", selinuxContext: "" })).toEqual(linkOf({}));
  });

  test("has owner, group, queues and MTU as configured; 0 is root, not nobody", () => {
    const config = { owner: 0, group: 107, multiQueue: true, mtu: 9000 };
    expect(linkOf(config)).toMatchObject({
      mtu: 9000,
      tun: { type: "tap", owner: 0, group: 107, multiQueue: true },
    });
  });

  test("asks for the hardware address that is configured", () => {
    expect(tap.mac!(tap.parse({ mac: "02-00-5E-00-53-01" }))).toBe("02:00:5e:00:53:01");
    expect(tap.mac!(tap.parse({}))).toBeUndefined();
  });

  test("is a port of the container's bridge", () => {
    const link = ({ netns, name }: { netns: string; name: string }) =>
      netns === plainPort.netns && name === "br0"
        ? { index: 3, mac: "", mtu: 1500, up: true, kind: "bridge" }
        : undefined;
    expect(linkOf({ bridge: "br0" }, { link })).toMatchObject({ master: "br0" });
    expect(() => linkOf({ bridge: "br1" }, { link })).toThrow('there is no link "br1" in the');
    const veth = () => ({ index: 3, mac: "", mtu: 1500, up: true, kind: "veth" });
    expect(() => linkOf({ bridge: "br0" }, { link: veth })).toThrow('"br0" is of another kind');
  });

  const refused: [string, Record<string, unknown>, string][] = [
    ["a negative owner", { owner: -1 }, "owner"],
    ["an owner by name", { owner: "root" }, "owner"],
    ["the user that stands for none", { owner: 0xffffffff }, "owner"],
    ["a group beyond 32 bits", { group: 2 ** 32 }, "group"],
    ["queues as text", { multiQueue: "true" }, "multiQueue"],
    ["a group address", { mac: "01:00:5e:00:00:01" }, "mac"],
    ["a bridge that no link can be", { bridge: "a/b" }, "bridge"],
    ["a guard of advertisements", { raGuard: true }, "raGuard"],
    ["a guard of addresses", { ipspoofchk: true }, "ipspoofchk"],
    ["an MTU below the least", { mtu: 67 }, "mtu"],
    [
      "a context of SELinux",
      { selinuxContext: "system_u:system_r:container_t:s0" },
      "selinuxContext",
    ],
  ];
  test.each(refused)("refuses %s", (_, input, path) => {
    expect(() => linkOf(input)).toThrow(expect.objectContaining({ name: "ConfigError", path }));
  });
});
