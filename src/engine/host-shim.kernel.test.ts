/** A host and its macvlan children reach each other by the shim, which comes and goes with them. */
import { describe, expect, test } from "bun:test";
import { macvlan } from "../drivers/macvlan.ts";
import type { ScratchNetns } from "../kernel/netns/scratch.ts";
import { plan } from "../plan/plan.ts";
import { clean } from "./clean.ts";
import { type Box, EngineFixture, type Wish } from "./engine-fixture.ts";
import { observe } from "./observe.ts";
import { removeRecord } from "./record.ts";

const hostAddresses = ["10.88.0.1", "fd00:88::1"];

const wish = (n: number, config: object = {}): Wish => ({
  driver: macvlan,
  config: { master: "lan", hostShim: true, ...config },
  ips: [`10.88.0.${n + 1}/24`, `fd00:88::${n + 1}/64`],
});

/** A host with addresses on its parent, and another host on the LAN. */
function shimHost(withAddresses = true): EngineFixture & { lan: ScratchNetns } {
  const fixture = new EngineFixture("shim");
  fixture.addParent();
  const lan = fixture.box().netns;
  fixture.host.run("ip", "link", "set", "far", "netns", lan.name);
  lan.run("ip", "link", "set", "far", "up");
  lan.run("ip", "addr", "add", "10.88.0.200/24", "dev", "far");
  lan.run("ip", "addr", "add", "fd00:88::200/64", "dev", "far", "nodad");
  if (withAddresses) {
    fixture.host.run("ip", "addr", "add", "10.88.0.1/24", "dev", "lan");
    fixture.host.run("ip", "addr", "add", "fd00:88::1/64", "dev", "lan", "nodad");
  }
  return Object.assign(fixture, { lan });
}

const ping = (from: ScratchNetns, address: string) =>
  from.run("ping", "-n", "-q", "-c", "1", "-W", "3", address.replace(/\/.*/, ""));
const cannotPing = (from: ScratchNetns, address: string) =>
  expect(() => from.run("ping", "-n", "-q", "-c", "1", "-W", "1", address)).toThrow("100%");
const links = ({ host }: EngineFixture) =>
  host.json("ip", "-j", "link").map(({ ifname }) => ifname);

/** Everybody reaches everybody, in both families. */
function allReach({ host, lan }: { host: ScratchNetns; lan: ScratchNetns }, boxes: Box[]): void {
  for (const [i, { netns }] of boxes.entries()) {
    for (const address of hostAddresses) ping(netns, address);
    for (const address of wish(i + 1).ips) {
      ping(host, address);
      ping(lan, address);
    }
  }
}

describe("with hostShim", () => {
  test("children and their host reach each other at once; without it they don't", async () => {
    using fixture = shimHost();
    const [one, two, other] = [fixture.box(), fixture.box(), fixture.box()];
    await fixture.attach(one, wish(1));
    await fixture.attach(two, wish(2));
    allReach(fixture, [one, two]);
    await fixture.attach(other, wish(3, { hostShim: false }));
    for (const address of hostAddresses) cannotPing(other.netns, address);
    cannotPing(fixture.host, "10.88.0.4");
    ping(two.netns, "10.88.0.2");
  });

  test("the LAN goes on to know the host by its own hardware address", async () => {
    using fixture = shimHost();
    const box = fixture.box();
    await fixture.attach(box, wish(1));
    allReach(fixture, [box]);
    fixture.lan.run("ip", "neigh", "flush", "all");
    const [parent] = fixture.host.json("ip", "-j", "link", "show", "lan");
    for (const address of hostAddresses) {
      ping(fixture.lan, address);
      ping(fixture.host, address === "10.88.0.1" ? "10.88.0.200" : "fd00:88::200");
      const [known] = fixture.lan.json("ip", "-j", "neigh", "show", address);
      expect(known.lladdr).toBe(parent.address);
    }
  });

  test("the shim goes with the last child, and its routes with each", async () => {
    using fixture = shimHost();
    const before = fixture.state();
    const [one, two] = [fixture.box(), fixture.box()];
    await fixture.attach(one, wish(1));
    await fixture.attach(two, wish(2));
    await fixture.detach(one, wish(1));
    expect(links(fixture)).toContain("nls-lan");
    expect(fixture.host.run("ip", "route", "show", "10.88.0.2/32")).toBe("");
    for (const address of wish(2).ips) ping(fixture.host, address);
    await fixture.detach(two, wish(2));
    expect(links(fixture)).not.toContain("nls-lan");
    expect(fixture.files()).toEqual({});
    expect((fixture.state().kernel as unknown[])[0]).toEqual((before.kernel as unknown[])[0]);
  });

  test("what is made is what was desired, and CHECK tells what is taken from it", async () => {
    using fixture = shimHost();
    const box = fixture.box();
    const attached = await fixture.attach(box, wish(1));
    await fixture.engine(async ({ session }) => {
      const { objects } = fixture.records()[0]!;
      await session.loadKinds(objects);
      expect(plan(objects, observe(session, objects))).toEqual([]);
    });
    await fixture.check(box, wish(1), attached);
    fixture.host.run("ip", "neigh", "del", "10.88.0.2", "dev", "nls-lan");
    await expect(fixture.check(box, wish(1), attached)).rejects.toThrow(
      'neighbour 10.88.0.2 on "nls-lan" is missing',
    );
  });

  test("the last of a network with addresses of its own leaves the others their way", async () => {
    using fixture = shimHost();
    const [one, two] = [fixture.box(), fixture.box()];
    await fixture.attach(one, wish(1));
    const named = wish(2, { hostShimAddresses: ["10.88.0.77", "fd00:88::77"] });
    await fixture.attach(two, named);
    ping(two.netns, "10.88.0.77");
    await fixture.detach(two, named);
    expect(fixture.host.run("ip", "addr", "show", "dev", "nls-lan")).not.toContain("77/");
    allReach(fixture, [one]);
    await fixture.detach(one, wish(1));
    expect(links(fixture)).toEqual(["lo", "lan"]);
  });

  test("DEL succeeds where the shim, or the container's namespace, has gone", async () => {
    using fixture = shimHost();
    const [one, two] = [fixture.box(), fixture.box()];
    await fixture.attach(one, wish(1));
    await fixture.attach(two, wish(2));
    two.netns[Symbol.dispose]();
    fixture.boxes.pop();
    await fixture.detach(two, wish(2), { netns: undefined });
    fixture.host.run("ip", "link", "del", "nls-lan");
    await fixture.detach(one, wish(1));
    expect([links(fixture), fixture.files()]).toEqual([["lo", "lan"], {}]);
  });

  test("clean removes a shim whose records are lost", async () => {
    using fixture = shimHost();
    await fixture.attach(fixture.box(), wish(1));
    await fixture.engine(({ paths }) => fixture.records().map((r) => removeRecord(paths, r)));
    await fixture.engine(clean);
    expect(links(fixture)).not.toContain("nls-lan");
  });

  test("a parent without addresses needs some named, which are the shim's", async () => {
    using fixture = shimHost(false);
    const box = fixture.box();
    await expect(fixture.attach(box, wish(1))).rejects.toThrow(
      'hostShim: needs an address on each side, and "lan" has none',
    );
    expect(links(fixture)).not.toContain("nls-lan");
    const named = wish(1, { hostShimAddresses: ["10.88.0.1", "fd00:88::1/64"] });
    await fixture.attach(box, named);
    allReach(fixture, [box]);
    await fixture.detach(box, named);
    expect(links(fixture)).toEqual(["lo", "lan"]);
  });

  test("a host in another subnet than its children is reached too", async () => {
    using fixture = shimHost();
    const box = fixture.box();
    await fixture.attach(box, { ...wish(1), ips: ["10.99.0.2/24", "fd00:99::2/64"] });
    for (const address of hostAddresses) ping(box.netns, address);
    for (const address of ["10.99.0.2", "fd00:99::2"]) ping(fixture.host, address);
  });
});
