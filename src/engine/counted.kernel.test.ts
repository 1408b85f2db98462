/** What goes with its last user, and links that wait for their addresses, on the real kernel. */
import { describe, expect, test } from "bun:test";
import { bridge } from "../drivers/bridge.ts";
import type { Driver } from "../drivers/driver.ts";
import { vethPair } from "../drivers/veth-pair.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { type Allocation, attach } from "./attach.ts";
import { clean } from "./clean.ts";
import { type Box, EngineFixture, kernelState, type Wish } from "./engine-fixture.ts";
import { listRecords, removeRecord } from "./record.ts";

const place = { netns: hostNetns, scope: "net:blue", life: "counted" } as const;
const shaper: readonly KernelObject[] = [
  { ...place, kind: "link", type: "ifb", name: "shared0", alias: "netloom:cni", up: true },
  { ...place, kind: "address", link: "shared0", address: "192.0.2.1/32" },
];

/** A pair for each container, and one link that all share. */
const driver: Driver<object> = {
  networkType: "counting",
  enforcement: "inet",
  parse: (input) => input,
  complete: (port) => port,
  network: () => [...shaper],
  port: (port) => [vethPair(port, 1500)],
  links: (port) => [{ netns: port.netns, name: port.ifName }],
  gatewayLink: (port) => port.hostLink,
};
const wish: Wish = { driver, config: {}, ips: [] };

const names = (fixture: EngineFixture) =>
  fixture.host.json("ip", "-j", "link", "show").map(({ ifname }) => ifname);

describe("what is counted", () => {
  test("is there from the first user to the last", async () => {
    using fixture = new EngineFixture("count");
    const [a, b] = [fixture.box(), fixture.box()];
    await fixture.attach(a, wish);
    await fixture.attach(b, wish);
    await fixture.detach(a, wish);
    expect(names(fixture)).toContain("shared0");
    await fixture.detach(b, wish);
    expect(names(fixture)).not.toContain("shared0");
    await fixture.detach(b, wish);
  });

  test("goes with an ADD that fails alone, and stays for others", async () => {
    using fixture = new EngineFixture("count");
    const failing: Wish = { ...wish, routes: [{ dst: "203.0.113.0/24", gw: "198.51.100.1" }] };
    const wrong = { ...failing, driver: { ...driver, port: withoutEnd } };
    await expect(fixture.attach(fixture.box(), wrong)).rejects.toThrow("nowhere");
    expect(names(fixture)).toEqual(["lo"]);
    await fixture.attach(fixture.box(), wish);
    await expect(fixture.attach(fixture.box(), wrong)).rejects.toThrow("nowhere");
    expect(names(fixture)).toContain("shared0");
  });

  test("stays where somebody else made it", async () => {
    using fixture = new EngineFixture("count");
    fixture.host.run("ip", "link", "add", "shared0", "type", "ifb");
    const box = fixture.box();
    await fixture.attach(box, wish);
    await fixture.detach(box, wish);
    expect(names(fixture)).toContain("shared0");
    const [link] = fixture.host.json("ip", "-j", "addr", "show", "dev", "shared0");
    expect(link.addr_info.filter(({ scope }: { scope: string }) => scope === "global")).toEqual([]);
  });

  test("is neither lost nor left when users come and go at once", async () => {
    using fixture = new EngineFixture("count");
    const boxes = Array.from({ length: 6 }, () => fixture.box());
    for (let round = 0; round < 4; round++) {
      const turns = boxes.map(async (box) => {
        await fixture.attach(box, wish);
        expect(names(fixture)).toContain("shared0");
        await fixture.detach(box, wish);
      });
      await Promise.all(turns);
      expect(names(fixture)).toEqual(["lo"]);
    }
  });

  test("is removed by clean when its records are lost", async () => {
    using fixture = new EngineFixture("count");
    await fixture.attach(fixture.box(), wish);
    await fixture.engine(({ paths }) => listRecords(paths).map((r) => removeRecord(paths, r)));
    await fixture.engine(clean);
    expect(names(fixture)).not.toContain("shared0");
  });
});

function withoutEnd(port: Parameters<typeof driver.port>[0]): KernelObject[] {
  const own = { netns: port.netns, scope: port.id, life: "exclusive" } as const;
  return [vethPair(port, 1500), { ...own, kind: "address", link: "nowhere", address: "1.2.3.4/8" }];
}

describe("a late allocation", () => {
  const late = (fixture: EngineFixture, box: Box, allocation: () => Promise<Allocation>) =>
    fixture.engine((engine) =>
      attach(engine, {
        ...box.id,
        network: "blue",
        netns: box.netns.path,
        maker: "bridge",
        driver: bridge,
        config: bridge.parse({ isGateway: true, ipMasq: true }),
        allocation,
      }),
    );
  const given: Allocation = {
    ips: [{ address: "10.88.0.2/24" }, { address: "fd00:88::2/64" }],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  const request: Wish = { driver: bridge, config: {}, ips: [] };

  test("is asked for when the link is up, and leads to what an early one does", async () => {
    using fixture = new EngineFixture("late");
    const box = fixture.box();
    await late(fixture, box, async () => {
      const [link] = box.netns.json("ip", "-j", "link", "show", "eth0");
      expect(link.operstate).toBe("UP");
      return given;
    });
    box.netns.run("ping", "-c1", "-W2", "10.88.0.1");
    const found = [fixture.host, box.netns].map(kernelState);
    await fixture.detach(box, request);
    await fixture.engine((engine) =>
      attach(engine, {
        ...box.id,
        network: "blue",
        netns: box.netns.path,
        maker: "bridge",
        driver: bridge,
        config: bridge.parse({ isGateway: true, ipMasq: true }),
        allocation: given,
      }),
    );
    expect([fixture.host, box.netns].map(kernelState)).toEqual(found);
  });

  test("that fails leaves nothing of the attachment", async () => {
    using fixture = new EngineFixture("late");
    const box = fixture.box();
    const refuse = () => Promise.reject(new Error("no server answers"));
    await expect(late(fixture, box, refuse)).rejects.toThrow("no server answers");
    expect(fixture.records()).toEqual([]);
    expect(names(fixture)).toEqual(["lo", "cni0"]);
    expect(box.netns.json("ip", "-j", "link", "show")).toHaveLength(1);
  });

  test("that gives what cannot be leaves nothing of the attachment", async () => {
    using fixture = new EngineFixture("late");
    const box = fixture.box();
    const routes = [{ dst: "192.0.2.0/24", gw: "172.31.0.1" }];
    await expect(late(fixture, box, async () => ({ ...given, routes }))).rejects.toThrow("192.0.2");
    expect(fixture.records()).toEqual([]);
    expect(names(fixture)).toEqual(["lo", "cni0"]);
  });
});
