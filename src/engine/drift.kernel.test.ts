/** What an outside hand does is noticed and undone soon, and what we do makes no spin. */
import { describe, expect, test } from "bun:test";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { macvlan } from "../drivers/macvlan.ts";
import { Drift, type DriftNotice } from "./drift.ts";
import { EngineFixture, kernelState, type Wish } from "./engine-fixture.ts";
import { hostLinkName } from "./names.ts";
import { RecordCache } from "./record-cache.ts";
import type { RepairReport } from "./repair.ts";
import { containersOf, repairTouched } from "./repair-touched.ts";

const agent = "blue1";
const config = { isDefaultGateway: true, ipMasq: true, macspoofchk: true };
const wishOf = (n: number): Wish => ({ driver: bridge, config, ...examAddresses(n) });

/** A host with an agent's loop on it, which repairs what it notices. */
interface Loop extends AsyncDisposable {
  readonly drift: Drift;
  readonly notices: readonly DriftNotice[];
  readonly reports: readonly RepairReport[];
}

async function loopOn(fixture: EngineFixture): Promise<Loop> {
  const paths = fixture.paths;
  const drift = await fixture.engine((engine) => new Drift(engine));
  drift.follow(containersOf(fixture.records()));
  const notices: DriftNotice[] = [];
  const reports: RepairReport[] = [];
  const records = new RecordCache();
  const run = async () => {
    for await (const notice of drift) {
      notices.push(notice);
      const repaired = fixture.engine(({ session }) =>
        repairTouched({ session, paths }, notice, records),
      );
      reports.push(await repaired);
    }
  };
  const running = run();
  return {
    drift,
    notices,
    reports,
    async [Symbol.asyncDispose]() {
      drift[Symbol.dispose]();
      await running;
    },
  };
}

async function attached(count: number): Promise<EngineFixture> {
  const fixture = new EngineFixture("drift");
  fixture.instance = agent;
  for (let n = 1; n <= count; n++) await fixture.attach(fixture.box(), wishOf(n));
  return fixture;
}

/** Waits for what should come soon; a machine that is busy may take longer. */
async function until(isDone: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!isDone() && performance.now() < deadline) await Bun.sleep(10);
}

/** Until nothing was noticed for a while: what was repaired is noticed too. */
async function quiet({ notices, reports }: Loop): Promise<void> {
  for (let before = -1; before !== notices.length || reports.length < before; ) {
    before = notices.length;
    await Bun.sleep(300);
  }
}

const faults = ({ reports }: Loop) =>
  reports.flatMap(({ repaired }) => repaired.flatMap((one) => one.faults)).join("; ");
const restored = ({ reports }: Loop) => reports.reduce((sum, one) => sum + one.restored, 0);
const whole = (fixture: EngineFixture) =>
  [fixture.host, ...fixture.boxes.map(({ netns }) => netns)].map((netns) => {
    const { nft, routes, ...state } = kernelState(netns);
    const sorted = (routes as object[]).map((route) => JSON.stringify(route)).sort();
    const forwarding = netns.run("cat", "/proc/sys/net/ipv4/ip_forward");
    return { ...state, forwarding, routes: sorted, nft: String(nft).split("\n").sort() };
  });

const isWhole = (fixture: EngineFixture, before: unknown) => Bun.deepEquals(whole(fixture), before);

describe("what an outside hand does is undone soon:", () => {
  const hands: readonly [string, (fixture: EngineFixture) => void, RegExp | number][] = [
    [
      "a link deleted",
      (fixture) => fixture.host.run("ip", "link", "del", outer(fixture)),
      /link "n.*" is missing/,
    ],
    [
      "an address changed in the container",
      ({ boxes }) => boxes[0]!.netns.run("ip", "addr", "del", "10.88.0.2/24", "dev", "eth0"),
      /address 10.88.0.2\/24 on "eth0" is missing/,
    ],
    [
      "a route removed in the container",
      ({ boxes }) => boxes[0]!.netns.run("ip", "route", "del", "default"),
      /route to 0.0.0.0\/0/,
    ],
    [
      "forwarding off",
      ({ host }) => host.run("sh", "-ec", "echo 0 >/proc/sys/net/ipv4/ip_forward"),
      /ip_forward/,
    ],
    ["a bridge down", ({ host }) => host.run("ip", "link", "set", "cni0", "down"), /cni0/],
    ["a bridge deleted", ({ host }) => host.run("ip", "link", "del", "cni0"), /"cni0" is missing/],
    [
      "an element removed",
      ({ host }) =>
        host.run("nft", `delete element inet netloom_${agent} masquerade4 { 10.88.0.2 }`),
      /element 10.88.0.2 of nftables set "masquerade4" is missing/,
    ],
    ["a table flushed", ({ host }) => host.run("nft", `flush table inet netloom_${agent}`), 2],
    [
      "a rule flushed",
      ({ host }) => host.run("nft", `flush chain inet netloom_${agent} forward`),
      2,
    ],
  ];

  test.each(hands)("%s", async (_, hand, expected) => {
    using fixture = await attached(2);
    await using loop = await loopOn(fixture);
    const before = whole(fixture);
    hand(fixture);
    await until(() => loop.reports.length > 0 && isWhole(fixture, before));
    expect(whole(fixture)).toEqual(before);
    await quiet(loop);
    if (typeof expected === "number") expect(restored(loop)).toBe(expected);
    else expect(faults(loop)).toMatch(expected);
    expect(loop.reports.flatMap(({ failed }) => failed)).toEqual([]);
    // Neither the hand nor the repair goes on for ever.
    expect(loop.notices.length).toBeLessThan(10);
  });
});

function outer(fixture: EngineFixture): string {
  return hostLinkName(fixture.paths, fixture.records()[0]!.id);
}

test("a guard inside a container that is flushed is noticed, and back", async () => {
  using fixture = new EngineFixture("drift");
  fixture.instance = agent;
  fixture.addParent();
  const wish: Wish = {
    driver: macvlan,
    config: { parent: "lan", macspoofchk: true },
    ips: ["10.88.0.2/24"],
  };
  const box = fixture.box();
  await fixture.attach(box, wish);
  await using loop = await loopOn(fixture);
  const rules = () => box.netns.run("nft", "list", "ruleset");
  const before = rules();
  box.netns.run("nft", "flush", "ruleset");
  await until(() => rules() === before);
  expect(rules()).toBe(before);
  await quiet(loop);
  expect(faults(loop)).toBe('guard of link "eth0" is missing');
});

test("what is not ours is noticed at most, and stays as it is", async () => {
  using fixture = await attached(1);
  const own = fixture.boxes.length;
  await fixture.as(undefined, () => fixture.attach(fixture.box(), wishOf(2)));
  fixture.host.run("sh", "-ec", "ip link add own0 type veth peer name own1; nft add table inet t");
  await using loop = await loopOn(fixture);
  fixture.boxes[own]!.netns.run("ip", "addr", "del", "10.88.0.3/24", "dev", "eth0");
  fixture.host.run("sh", "-ec", "ip link del own0; nft delete table inet t");
  fixture.host.run("nft", "flush table inet netloom_cni");
  const before = whole(fixture);
  await until(() => loop.notices.length > 0);
  await quiet(loop);
  expect(whole(fixture)).toEqual(before);
  expect(faults(loop)).toBe("");
  expect(restored(loop)).toBe(0);
});

test("attaching and detaching lead to no repair", async () => {
  using fixture = await attached(1);
  await using loop = await loopOn(fixture);
  const box = fixture.box();
  for (let round = 0; round < 3; round++) {
    await fixture.attach(box, wishOf(2));
    loop.drift.follow(containersOf(fixture.records()));
    await Bun.sleep(50);
    await fixture.detach(box, wishOf(2));
  }
  await quiet(loop);
  expect(faults(loop)).toBe("");
  expect(loop.reports.flatMap(({ failed, stale }) => [...failed, ...stale])).toEqual([]);
});

test("changes that were lost because there were too many lead to a look at everything", async () => {
  using fixture = await attached(1);
  using drift = await fixture.engine((engine) => new Drift(engine, { bufferBytes: 4096 }));
  const burst = Array.from({ length: 300 }, (_, i) => `ip link add b${i} type bridge`).join("; ");
  fixture.host.run("sh", "-ec", burst);
  const timer = setTimeout(() => drift[Symbol.dispose](), 20_000);
  let isTold = false;
  for await (const { resync } of drift) {
    isTold ||= resync;
    if (isTold) break;
  }
  clearTimeout(timer);
  expect(isTold).toBe(true);
});

test("a container that is gone can't be followed, and one that goes is no fault", async () => {
  using fixture = await attached(2);
  await using loop = await loopOn(fixture);
  expect(loop.drift.follow(new Map([["/run/netns/absent", { isGuarded: false }]]))).toEqual([
    "/run/netns/absent",
  ]);
  fixture.boxes.pop()!.netns[Symbol.dispose]();
  await until(() => loop.reports.some(({ stale }) => stale.length > 0));
  await quiet(loop);
  expect(loop.reports.flatMap(({ stale }) => stale)[0]).toMatchObject({ containerId: "c2" });
  expect(loop.reports.flatMap(({ failed }) => failed)).toEqual([]);
});
