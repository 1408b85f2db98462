/** `bandwidth`: rates that streams keep to, what result and CHECK tell, what DEL leaves. */
import { describe, expect, test } from "bun:test";
import { rateOf } from "../support/rate.ts";
import { referenceDir } from "../support/reference.ts";
import { lan } from "../support/test-host.ts";
import { ExtrasStage, ways } from "./stage.ts";

const down = 20_000_000;
const up = 12_000_000;
const limits = { ingressRate: down, ingressBurst: 800_000, egressRate: up, egressBurst: 480_000 };
const container4 = "10.5.0.2";
const container6 = "fd05::2";

/** Counted in frames on the link; a stream's payload is 95 % of them. */
function expectLimit(rate: number, limit: number): void {
  expect(rate / limit).toBeGreaterThan(0.9);
  expect(rate / limit).toBeLessThan(1.1);
}

function expectFree(rate: number): void {
  expect(rate / down).toBeGreaterThan(3);
}

/** Streams to and from the container, measured one after the other. */
async function measure(stage: ExtrasStage, far: string, from: string, at: string) {
  const inward = await rateOf({ from, to: stage.container, address: at });
  const outward = await rateOf({ from: stage.container, to: from, address: far });
  return { inward, outward };
}

/** Links whose name is an ifb's of the reference or ours. */
async function ifbs(stage: ExtrasStage): Promise<string[]> {
  const links = JSON.parse(await stage.host.shell("ip -j link show type ifb"));
  return links.map(({ ifname }: { ifname: string }) => ifname);
}

const timeoutMs = 60_000;

describe.each(ways)("bandwidth %s", (way) => {
  test(
    "keeps streams of both directions and families to their rate",
    async () => {
      await using stage = await ExtrasStage.create(way, { bandwidth: limits });
      await stage.add();
      const host = stage.host.netns;
      const four = await measure(stage, "10.5.0.1", host, container4);
      expectLimit(four.inward, down);
      expectLimit(four.outward, up);
      const six = await measure(stage, "fd05::1", host, container6);
      expectLimit(six.inward, down);
      expectLimit(six.outward, up);
    },
    timeoutMs,
  );

  test("the result lists the ifb, CHECK passes, DEL leaves no link", async () => {
    await using stage = await ExtrasStage.create(way, { bandwidth: limits });
    const result = await stage.add();
    const [name] = await ifbs(stage);
    expect(name).toMatch(/^bwp[0-9a-f]{12}$/);
    const last = result.interfaces.at(-1);
    expect(last).toMatchObject({ name, mtu: 1500 });
    expect(last.sandbox).toBeUndefined();
    expect(result.ips[0].interface).toBe(2);
    expect(result.interfaces[2].name).toBe("eth0");
    expect((await stage.call("CHECK")).stdout).toBe("");
    expect((await stage.call("DEL")).stdout).toBe("");
    expect((await stage.call("DEL")).stdout).toBe("");
    expect(await ifbs(stage)).toEqual([]);
  });

  test("CHECK tells that an outside hand changed a rate", async () => {
    await using stage = await ExtrasStage.create(way, { bandwidth: limits });
    await stage.add();
    const [name] = await ifbs(stage);
    const bucket = "tbf rate 100mbit burst 100000 latency 25ms";
    await stage.host.shell(`tc qdisc replace dev ${name} root handle 108: ${bucket}`);
    const answer = await stage.call("CHECK");
    expect(answer.json).toMatchObject({ code: 103 });
    expect(answer.json.msg).toContain(`of "${name}" differs in rateBytes`);
  });

  test("the namespace gone, DEL removes the ifb", async () => {
    await using stage = await ExtrasStage.create(way, { bandwidth: limits });
    await stage.add();
    await stage.host.shell(`ip netns del ${stage.container}`);
    expect((await stage.call("DEL", { container: undefined })).stdout).toBe("");
    expect(await ifbs(stage)).toEqual([]);
  });
});

/** The LAN's prefixes; the host itself is reached by its address on the bridge. */
const lanSubnets = [`${lan.outside4}/24`, `${lan.outside6}/64`];

async function withRoutes(options: object): Promise<ExtrasStage> {
  const stage = await ExtrasStage.create("in one run", { bandwidth: { ...limits, ...options } });
  await stage.add();
  const { host } = stage;
  await host.shell(
    `ip route add 10.5.0.0/24 via ${lan.host4}; ip route add fd05::/64 via ${lan.host6}`,
    host.outside,
  );
  return stage;
}

describe("subnets of the other side", () => {
  test(
    "go free where they are unshaped, and the rest keeps to the rate",
    async () => {
      await using stage = await withRoutes({ unshapedSubnets: lanSubnets });
      const { host } = stage;
      const free = await measure(stage, lan.outside4, host.outside, container4);
      expectFree(free.inward);
      expectFree(free.outward);
      const free6 = await measure(stage, lan.outside6, host.outside, container6);
      expectFree(free6.inward);
      expectFree(free6.outward);
      const rest = await measure(stage, "10.5.0.1", host.netns, container4);
      expectLimit(rest.inward, down);
      expectLimit(rest.outward, up);
    },
    timeoutMs,
  );

  test(
    "alone keep to the rate where they are shaped",
    async () => {
      await using stage = await withRoutes({ shapedSubnets: lanSubnets });
      const { host } = stage;
      const limited = await measure(stage, lan.outside4, host.outside, container4);
      expectLimit(limited.inward, down);
      expectLimit(limited.outward, up);
      const limited6 = await measure(stage, lan.outside6, host.outside, container6);
      expectLimit(limited6.inward, down);
      expectLimit(limited6.outward, up);
      const rest = await measure(stage, "10.5.0.1", host.netns, container4);
      expectFree(rest.inward);
      expectFree(rest.outward);
    },
    timeoutMs,
  );
});

test(
  "a burst of some packets lets streams from and to shaped subnets reach their rate",
  async () => {
    const slow = 2_000_000;
    const burst = 80_000;
    const tight = { ingressRate: slow, ingressBurst: burst, egressRate: slow, egressBurst: burst };
    await using stage = await withRoutes({ ...tight, shapedSubnets: lanSubnets });
    const limited = await measure(stage, lan.outside4, stage.host.outside, container4);
    expectLimit(limited.inward, slow);
    expectLimit(limited.outward, slow);
  },
  timeoutMs,
);

test("a runtime's limits count where the network has none", async () => {
  const runtimeConfig = { bandwidth: { ingressRate: 8e6, ingressBurst: 8e5 } };
  await using stage = await ExtrasStage.create("chained", { bandwidth: { runtimeConfig } });
  const result = await stage.add();
  const { name } = result.interfaces[1];
  const [qdisc] = JSON.parse(await stage.host.shell(`tc -j qdisc show dev ${name}`));
  expect(qdisc).toMatchObject({ kind: "tbf", options: { rate: 1_000_000 } });
});

describe("swapped under running containers", () => {
  const theirs = { plugins: referenceDir("1.9.1") };

  test("CHECK accepts the reference's limits and tells of changed ones, DEL removes its ifb", async () => {
    await using stage = await ExtrasStage.create("chained", { bandwidth: limits });
    expect((await stage.call("ADD", theirs)).ok).toBe(true);
    const [name] = await ifbs(stage);
    expect((await stage.call("CHECK")).stdout).toBe("");
    const bucket = "tbf rate 100mbit burst 100000 latency 25ms";
    await stage.host.shell(`tc qdisc replace dev ${name} root handle 1: ${bucket}`);
    const answer = await stage.call("CHECK");
    expect(answer.json.msg).toContain('What "bandwidth" adds to "one" is not in force');
    expect((await stage.call("DEL")).stdout).toBe("");
    expect(await ifbs(stage)).toEqual([]);
  });

  test("the reference's DEL removes our ifb, and ours finds nothing left to do", async () => {
    await using stage = await ExtrasStage.create("chained", { bandwidth: limits });
    await stage.add();
    expect((await stage.call("DEL", theirs)).ok).toBe(true);
    expect(await ifbs(stage)).toEqual([]);
    expect((await stage.call("DEL")).stdout).toBe("");
  });
});
