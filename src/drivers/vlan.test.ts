/** Vlan and dummy: configuration to objects, and what is refused. */
import { describe, expect, test } from "bun:test";
import type { HostFacts } from "./driver.ts";
import { ofKind, plainHost, plainPort } from "./driver-fixture.ts";
import { dummy } from "./dummy.ts";
import { vlan } from "./vlan.ts";

const linkOf = (input: Record<string, unknown>, facts: Partial<HostFacts> = {}) =>
  ofKind("link", vlan.port(plainPort, vlan.parse(input), { ...plainHost, ...facts }))[0]!;

describe("vlan", () => {
  test("is born in the container, with its parent's address and size", () => {
    expect(linkOf({ master: "lan", vlanId: 4094 })).toMatchObject({
      netns: plainPort.netns,
      name: "eth0",
      type: "vlan",
      mac: "02:00:00:00:00:99",
      mtu: 1500,
      parent: { netns: "host", name: "lan" },
      vlan: { id: 4094 },
    });
    expect(linkOf({ master: "lan", mtu: 1400 })).toMatchObject({ mtu: 1400, vlan: { id: 0 } });
  });

  test("may have its parent beside it in the container", () => {
    const link = linkOf({ master: "lan", linkInContainer: true });
    expect(link).toMatchObject({ parent: { netns: plainPort.netns, name: "lan" } });
  });

  const refused: [string, Record<string, unknown>, string][] = [
    ["no parent", { vlanId: 5 }, "master"],
    ["an empty name", { master: "" }, "master"],
    ["a negative VLAN", { master: "lan", vlanId: -1 }, "vlanId"],
    ["a VLAN beyond the last", { master: "lan", vlanId: 4095 }, "vlanId"],
    ["a VLAN as text", { master: "lan", vlanId: "5" }, "vlanId"],
    ["half a VLAN", { master: "lan", vlanId: 1.5 }, "vlanId"],
    ["a negative MTU", { master: "lan", mtu: -1 }, "mtu"],
    ["a larger MTU than the parent's", { master: "lan", mtu: 1501 }, "mtu"],
    ["a parent that is not there", { master: "nil" }, "master"],
  ];
  test.each(refused)("refuses %s", (_, input, path) => {
    expect(() => linkOf(input)).toThrow(expect.objectContaining({ name: "ConfigError", path }));
  });

  test("refuses a parent that is down, and no addresses", () => {
    const link = () => ({ index: 7, mac: "", mtu: 1500, up: false });
    expect(() => linkOf({ master: "lan" }, { link })).toThrow("ip link set lan up");
    const config = vlan.parse({ master: "lan" });
    expect(() => vlan.complete({ ...plainPort, ips: [] }, config)).toThrow("ipam: missing");
  });
});

describe("dummy", () => {
  test("is a link with the port's hardware address", () => {
    const [link] = ofKind("link", dummy.port(plainPort, dummy.parse({}), plainHost));
    expect(link).toMatchObject({ netns: plainPort.netns, type: "dummy", mac: plainPort.mac });
  });

  test("refuses no addresses", () => {
    expect(() => dummy.complete({ ...plainPort, ips: [] }, dummy.parse({}))).toThrow(
      "ipam: missing",
    );
  });
});
