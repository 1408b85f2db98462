/** Tests what a bridge desires of its uplink. */
import { describe, expect, test } from "bun:test";
import type { KernelObject } from "../model/kernel-object.ts";
import { bridge } from "./bridge.ts";
import type { HostFacts } from "./driver.ts";
import { plainHost } from "./driver-fixture.ts";

const facts: HostFacts = {
  ...plainHost,
  link: ({ name }) =>
    name === "eth1" ? { index: 4, mac: "02:00:00:00:00:04", mtu: 9000, up: true } : undefined,
};

const network = (config: object, host = facts) =>
  bridge.network(bridge.parse({ bridge: "lan0", ...config }), "lan", host);

const kinds = (objects: readonly KernelObject[]) =>
  objects.map((object) => `${object.kind} ${"name" in object ? object.name : ""}`.trim());

describe("a bridge's network", () => {
  test("without an uplink is deaf to routers, with one it follows its network", () => {
    expect(kinds(network({}))).toEqual(["link lan0", "sysctl"]);
    expect(kinds(network({ uplink: "eth1" }))).toEqual(["link lan0", "uplink eth1"]);
  });

  test("has its uplink until the last attachment goes", () => {
    expect(network({ uplink: "eth1", takeOver: true })[1]).toEqual({
      kind: "uplink",
      netns: "host",
      scope: "net:lan",
      life: "counted",
      name: "eth1",
      bridge: "lan0",
      takeOver: true,
      isPort: true,
      isBare: true,
    });
  });

  test("has the uplink's MTU, or less", () => {
    expect(network({ uplink: "eth1" })[0]).toMatchObject({ mtu: 9000 });
    expect(network({ uplink: "eth1", mtu: 1400 })[0]).toMatchObject({ mtu: 1400 });
    expect(() => network({ uplink: "eth1", mtu: 9001 })).toThrow("more than the 9000");
  });

  test("stands on a VLAN of the uplink that is made with it and goes with it", () => {
    const objects = network({ uplink: "eth1", uplinkVlan: 100 });
    expect(kinds(objects)).toEqual([
      "link lan0",
      "link eth1.100",
      "sysctl",
      "sysctl",
      "uplink eth1.100",
    ]);
    expect(objects[1]).toMatchObject({ type: "vlan", life: "counted", vlan: { id: 100 } });
  });

  test("refuses an uplink that is not there", () => {
    expect(() => network({ uplink: "eth9" })).toThrow('there is no link "eth9"');
  });
});
