/** Limits on a container's link, on the real kernel: as `tc` tells them. */
import { describe, expect, test } from "bun:test";
import { bandwidth } from "../drivers/bandwidth.ts";
import { bridge } from "../drivers/bridge.ts";
import { plan } from "../plan/plan.ts";
import { EngineFixture, type Wish } from "./engine-fixture.ts";
import { observe } from "./observe.ts";

const both = {
  ...{ ingressRate: 20_000_000, ingressBurst: 800_000 },
  ...{ egressRate: 10_000_000, egressBurst: 400_000 },
};

function wishOf(raw: object): Wish {
  const config = bandwidth.parse(raw as Record<string, unknown>)!;
  return {
    driver: bridge,
    config: { bridge: "br0", isGateway: true },
    ips: ["10.9.0.2/24"],
    gateways: ["10.9.0.1"],
    extras: (port, facts) => bandwidth.objects(port, config, facts),
  };
}

const configurations: [string, object][] = [
  ["both directions", both],
  ["beyond 32 bits a second", { ingressRate: 80e9, ingressBurst: 8e7 }],
  ["a burst of hours", { egressRate: 800, egressBurst: 8_000_000 }],
  ["some subnets free", { ...both, unshapedSubnets: ["10.0.0.0/8", "fd00::/64", "0.0.0.0/0"] }],
  ["some subnets limited", { ...both, shapedSubnets: ["192.0.2.0/24"] }],
];

describe.each(configurations)("%s", (_, raw) => {
  test("what is made is what was desired: the next plan is empty", async () => {
    using fixture = new EngineFixture("tc");
    const box = fixture.box();
    const wish = wishOf(raw);
    const attached = await fixture.attach(box, wish);
    await fixture.engine(async ({ session }) => {
      await session.loadNft();
      const objects = fixture.records()[0]!.objects;
      await session.loadKinds(objects);
      expect(objects.filter(({ kind }) => kind === "qdisc").length).toBeGreaterThan(0);
      expect(plan(objects, observe(session, objects))).toEqual([]);
    });
    await fixture.check(box, wish, attached);
  });

  test("DEL leaves nothing, and the second round is as the first", async () => {
    using fixture = new EngineFixture("tc");
    const box = fixture.box();
    const wish = wishOf(raw);
    await fixture.attach(box, wish);
    await fixture.detach(box, wish);
    const names = fixture.host.json("ip", "-j", "link").map(({ ifname }) => ifname);
    expect(names.sort()).toEqual(["br0", "lo"]);
    const after = fixture.state();
    await fixture.attach(box, wish);
    box.netns.run("ip", "link", "del", "eth0");
    await fixture.detach(box, wish);
    expect(fixture.state()).toEqual(after);
  });
});

describe("CHECK notices what an outside hand did", () => {
  const bucket = "tbf rate 1mbit burst 10000 latency 25ms";
  const deeds: [string, string, string][] = [
    [
      "another rate",
      `tc qdisc replace dev HOST root handle 108: ${bucket}`,
      'queueing discipline "tbf" of "HOST" differs in rateBytes',
    ],
    ["no limit", "tc qdisc del dev HOST root", 'queueing discipline "tbf" of "HOST" is missing'],
    [
      "another kind",
      "tc qdisc replace dev HOST root handle 7: htb",
      'queueing discipline "tbf" of "HOST" differs in handle, type',
    ],
    ["no way to the ifb", "tc filter del dev HOST ingress", 'filter 1 of "HOST" is missing'],
    ["no ifb", "ip link del IFB", 'link "IFB" is missing'],
    ["an ifb that is down", "ip link set IFB down", 'link "IFB" differs in up'],
    [
      "another limit of what is sent",
      `tc qdisc replace dev IFB root handle 108: ${bucket}`,
      'queueing discipline "tbf" of "IFB" differs in rateBytes',
    ],
  ];
  for (const [name, command, fault] of deeds) {
    test(name, async () => {
      using fixture = new EngineFixture("tc");
      const box = fixture.box();
      const wish = wishOf(both);
      const attached = await fixture.attach(box, wish);
      const links = fixture.records()[0]!.objects.flatMap((o) => (o.kind === "link" ? [o] : []));
      const named = (text: string) =>
        text
          .replaceAll("HOST", links.find(({ type }) => type === "veth")!.name)
          .replaceAll("IFB", links.find(({ type }) => type === "ifb")!.name);
      fixture.host.run("sh", "-c", named(command));
      await expect(fixture.check(box, wish, attached)).rejects.toThrow(named(fault));
      await fixture.detach(box, wish);
      expect(fixture.files()).toEqual({});
    });
  }
});

test("CHECK notices another limit of some subnets", async () => {
  using fixture = new EngineFixture("tc");
  const box = fixture.box();
  const wish = wishOf({ ...both, shapedSubnets: ["192.0.2.0/24"] });
  const attached = await fixture.attach(box, wish);
  const [qdisc] = fixture.records()[0]!.objects.flatMap((o) => (o.kind === "qdisc" ? [o] : []));
  const queue = (words: string) =>
    fixture.host.run("sh", "-c", `tc qdisc replace dev ${qdisc!.link} parent 108:2 ${words}`);
  const fault = `queueing discipline "htb" of "${qdisc!.link}" differs in classes`;
  queue("tbf rate 1mbit burst 10000 latency 25ms");
  await expect(fixture.check(box, wish, attached)).rejects.toThrow(fault);
  queue("bfifo limit 162500");
  await expect(fixture.check(box, wish, attached)).rejects.toThrow(fault);
  queue("tbf rate 20mbit burst 100000 limit 162500");
  await fixture.check(box, wish, attached);
});

test("what fails half way leaves nothing", async () => {
  using fixture = new EngineFixture("tc");
  const box = fixture.box();
  const wish = wishOf(both);
  const config = bandwidth.parse(both)!;
  // The last step redirects to a link that there is not.
  const extras: Wish["extras"] = (port, facts) =>
    bandwidth
      .objects(port, config, facts)
      .map((o) => (o.kind === "filter" ? { ...o, redirect: "nowhere" } : o));
  await fixture.attach(fixture.box(), { ...wish, ips: ["10.9.0.3/24"], extras: undefined });
  const before = fixture.state();
  await expect(fixture.attach(box, { ...wish, extras })).rejects.toThrow('"nowhere"');
  expect(fixture.state()).toEqual(before);
});

test("two links of one container to one network are limited each", async () => {
  using fixture = new EngineFixture("tc");
  const box = fixture.box();
  const second = { ...box, id: { ...box.id, ifName: "eth1" } };
  const wish = wishOf(both);
  const ifbs = () => fixture.host.json("ip", "-j", "link", "show", "type", "ifb").length;
  await fixture.attach(box, wish);
  await fixture.attach(second, { ...wish, ips: ["10.9.0.3/24"] });
  expect(ifbs()).toBe(2);
  await fixture.detach(box, wish);
  expect(ifbs()).toBe(1);
  await fixture.detach(second, wish);
  expect(ifbs()).toBe(0);
});
