/** Several instances in one host's namespace: each has what is its own, and leaves the others'. */
import { describe, expect, test } from "bun:test";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import type { Driver } from "../drivers/driver.ts";
import { portmapObjects } from "../drivers/portmap.ts";
import { vethPair } from "../drivers/veth-pair.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { clean } from "./clean.ts";
import { collect } from "./collect.ts";
import { type Box, EngineFixture, kernelState, type Wish } from "./engine-fixture.ts";
import { lockNames } from "./lock.ts";
import { linkKey } from "./names.ts";
import { restoreIfErased } from "./restore.ts";

const plugins = undefined;
const pair = [plugins, "blue1"] as const;

/** The same container's name for each, with another address. */
function wishOf(n: number): Wish {
  const extras: Wish["extras"] = (port) =>
    portmapObjects({
      ...port,
      mappings: [{ hostPort: 8080 + n, containerPort: 80, protocol: "tcp" }],
      snat: true,
      masqAll: false,
    });
  const config = { isDefaultGateway: true, ipMasq: true, macspoofchk: true };
  return { driver: bridge, config, ...examAddresses(n), extras };
}

async function startBoth(fixture: EngineFixture): Promise<Box[]> {
  const boxes = pair.map(() => ({ ...fixture.box(), id: { containerId: "c", ifName: "eth0" } }));
  for (const [i, instance] of pair.entries()) {
    await fixture.as(instance, () => fixture.attach(boxes[i]!, wishOf(i + 1)));
  }
  return boxes;
}

const ping = (box: Box) => box.netns.run("ping", "-q", "-c", "1", "-W", "1", "10.88.0.1");
const tables = (fixture: EngineFixture) => fixture.host.run("nft", "list", "tables");
const elements = (fixture: EngineFixture, table: string) =>
  fixture.host.run("nft", "list", "table", "inet", table).match(/comment "netloom:[^"]+"/g) ?? [];
const links = (fixture: EngineFixture): string[] =>
  fixture.host.json("ip", "-j", "link", "show").map(({ ifname }) => ifname);

describe("two instances", () => {
  test("attach containers of one name to one bridge, each in its own tables", async () => {
    using fixture = new EngineFixture("two");
    const boxes = await startBoth(fixture);
    boxes.forEach(ping);
    expect(tables(fixture).trim().split("\n").sort()).toEqual([
      "table bridge netloom_blue1",
      "table bridge netloom_cni",
      "table inet netloom_blue1",
      "table inet netloom_cni",
    ]);
    const marks = (table: string) => new Set(elements(fixture, table).map((m) => m.slice(0, 20)));
    expect([...marks("netloom_cni")]).toEqual(['comment "netloom:cni']);
    expect([...marks("netloom_blue1")]).toEqual(['comment "netloom:blu']);
    expect(links(fixture).filter((name) => name.startsWith("nl"))).toHaveLength(1);
    for (const [i, instance] of pair.entries()) {
      await fixture.as(instance, async () => expect(fixture.records()).toHaveLength(1));
      await fixture.as(instance, () => fixture.detach(boxes[i]!, wishOf(i + 1)));
    }
    expect(elements(fixture, "netloom_cni")).toEqual([]);
    expect(elements(fixture, "netloom_blue1")).toEqual([]);
  });

  test.each([
    ["plugins", 0],
    ["the agent", 1],
  ])("leave each other whole: what %s remove is their own", async (_, leaver) => {
    using fixture = new EngineFixture("leave");
    const boxes = await startBoth(fixture);
    const [goes, stays] = [pair[leaver], pair[1 - leaver]];
    const other = `netloom_${stays ?? "cni"}`;
    const before = elements(fixture, other);
    await fixture.as(goes, async () => {
      await fixture.engine((engine) =>
        collect(engine, { network: "blue", maker: "bridge", valid: [], bridge: "cni0" }),
      );
      expect(fixture.records()).toEqual([]);
    });
    expect(tables(fixture)).not.toContain(`netloom_${goes ?? "cni"}`);
    expect(elements(fixture, other)).toEqual(before);
    ping(boxes[1 - leaver]!);
    // The last removes what it made; a bridge that the other made is that one's to remove.
    await fixture.as(stays, () => fixture.detach(boxes[1 - leaver]!, wishOf(2 - leaver)));
    for (const instance of pair) await fixture.as(instance, () => fixture.engine(clean));
    expect(links(fixture)).toEqual(["lo"]);
    expect(tables(fixture)).toBe("");
  });

  test("restore what is their own alone", async () => {
    using fixture = new EngineFixture("restore");
    const [box] = await startBoth(fixture);
    fixture.host.run("nft", "flush", "ruleset");
    const restored = () => fixture.engine((engine) => restoreIfErased(engine));
    expect(await fixture.as("blue1", restored)).toBe(1);
    expect(tables(fixture)).not.toContain("netloom_cni");
    expect(await fixture.as(plugins, restored)).toBe(1);
    const before = kernelState(fixture.host);
    expect(await fixture.as("blue1", restored)).toBe(0);
    expect(kernelState(fixture.host)).toEqual(before);
    ping(box!);
  });

  test("clean a bridge only when nobody is becoming a port of it", async () => {
    using fixture = new EngineFixture("race");
    const blue = "blue1";
    const box = fixture.box();
    await fixture.as(blue, () => fixture.attach(box, wishOf(1)));
    await fixture.as(blue, () => fixture.detach(box, wishOf(1)));
    expect(links(fixture)).toContain("cni0");
    const attaching = await lockNames(fixture.paths, [linkKey("cni0")]);
    const cleaning = fixture.as(blue, () => fixture.engine(clean));
    await Bun.sleep(50);
    expect(links(fixture)).toContain("cni0");
    // What the lock's holder was about.
    fixture.host.run("ip", "link", "add", "port0", "type", "veth", "peer", "name", "port1");
    fixture.host.run("ip", "link", "set", "port0", "master", "cni0");
    attaching[Symbol.dispose]();
    await cleaning;
    expect(links(fixture)).toContain("cni0");
    // An ADD of another instance waits for who is removing it.
    const removing = await lockNames(fixture.paths, [linkKey("cni0")]);
    const adding = fixture.as(plugins, () => fixture.attach(fixture.box(), wishOf(2)));
    await Bun.sleep(50);
    for (const name of ["port0", "cni0"]) fixture.host.run("ip", "link", "del", name);
    removing[Symbol.dispose]();
    await adding;
    const [bridge] = fixture.host.json("ip", "-j", "link", "show", "cni0");
    expect(bridge.ifalias).toBe("netloom:cni");
  });

  test("refuse to add a subnet to a bridge that is another's", async () => {
    using fixture = new EngineFixture("foreign");
    await fixture.attach(fixture.box(), wishOf(1));
    const before = fixture.host.run("ip", "addr", "show", "cni0");
    const config = { isGateway: true, severalSubnets: true };
    const other: Wish = { driver: bridge, config, ips: ["10.99.0.2/24"] };
    const adding = fixture.as("blue1", () => fixture.attach(fixture.box(), other));
    await expect(adding).rejects.toThrow('bridge: "cni0" is another\'s, and has the address 10.88');
    expect(fixture.host.run("ip", "addr", "show", "cni0")).toBe(before);
    await fixture.attach(fixture.box(), wishOf(2));
  });

  test("do not take a late DEL for their own container's", async () => {
    using fixture = new EngineFixture("late");
    const boxes = await startBoth(fixture);
    const before = kernelState(boxes[1]!.netns);
    await fixture.as(plugins, () => fixture.detach({ ...boxes[1]!, id: lateId }, wishOf(1)));
    expect(kernelState(boxes[1]!.netns)).toEqual(before);
  });
});

const lateId = { containerId: "late", ifName: "eth0" };

/** A link that all share, and a pair for each. */
const counting: Driver<object> = {
  networkType: "counting",
  enforcement: "inet",
  parse: (input) => input,
  complete: (port) => port,
  network: (_config, _name, host): KernelObject[] => [
    {
      ...({ netns: hostNetns, scope: "net:blue", life: "counted" } as const),
      ...({ kind: "link", type: "ifb", name: "shared0", up: true } as const),
      alias: host.sharedAlias,
    },
  ],
  port: (port) => [vethPair(port, 1500)],
  links: (port) => [{ netns: port.netns, name: port.ifName }],
  gatewayLink: (port) => port.hostLink,
};

describe("a counted link", () => {
  const wish: Wish = { driver: counting, config: {}, ips: [] };
  const orders = [
    [0, 1],
    [1, 0],
  ];

  test.each(orders)("goes with the last attachment of all instances: %d, %d", async (...order) => {
    using fixture = new EngineFixture("shared");
    const boxes = [fixture.box(), fixture.box()];
    for (const i of [0, 1]) await fixture.as(pair[i], () => fixture.attach(boxes[i]!, wish));
    const alias = () => fixture.host.json("ip", "-j", "link", "show", "shared0")[0].ifalias;
    expect(alias()).toBe("netloom:cni,blue1");
    const [first, last] = order as [number, number];
    await fixture.as(pair[first], () => fixture.detach(boxes[first]!, wish));
    await fixture.as(pair[first], () => fixture.engine(clean));
    expect(alias()).toBe(`netloom:${pair[last] ?? "cni"}`);
    await fixture.as(pair[last], () => fixture.detach(boxes[last]!, wish));
    expect(links(fixture)).toEqual(["lo"]);
  });
});
