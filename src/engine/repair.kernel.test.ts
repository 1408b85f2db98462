/** What an outside hand takes from attachments or changes of them is put back, and nothing else. */
import { describe, expect, test } from "bun:test";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { portmapObjects } from "../drivers/portmap.ts";
import { ptp } from "../drivers/ptp.ts";
import { type Box, EngineFixture, kernelState, type Wish } from "./engine-fixture.ts";
import { lockAttachment } from "./lock.ts";
import { hostLinkName } from "./names.ts";
import { type RepairReport, repairAll } from "./repair.ts";

const agent = "blue1";

function bridged(n: number): Wish {
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

const routed: Wish = {
  driver: ptp,
  config: {},
  ips: ["10.99.0.2/24", "fd00:99::2/64"],
  gateways: ["10.99.0.1", "fd00:99::1"],
  routes: [{ dst: "0.0.0.0/0" }, { dst: "::/0" }],
};

/** A host of an agent's with some containers on it. */
async function start(wishes: readonly Wish[]): Promise<EngineFixture> {
  const fixture = new EngineFixture("repair");
  fixture.instance = agent;
  for (const wish of wishes) await fixture.attach(fixture.box(), wish);
  return fixture;
}

const pass = (fixture: EngineFixture) => fixture.engine((engine) => repairAll(engine));
const outer = (fixture: EngineFixture) =>
  hostLinkName({ instance: agent }, fixture.records()[0]!.id);
const nothing: RepairReport = { repaired: [], failed: [], stale: [], restored: 0 };
const words = ({ repaired }: RepairReport) => repaired.flatMap(({ faults }) => faults).join("; ");

/** All of the kernel's state, but for what tells in which order things were made. */
const whole = (fixture: EngineFixture) =>
  [fixture.host, ...fixture.boxes.map(({ netns }) => netns)].map((netns) => {
    const state = kernelState(netns);
    const sorted = (text: unknown) => String(text).split("\n").sort().join("\n");
    const routes = (state.routes as object[]).map((route) => JSON.stringify(route)).sort();
    const command = "cat /proc/sys/net/ipv4/conf/eth0/arp_notify || true";
    return { ...state, nft: sorted(state.nft), routes, notify: netns.run("sh", "-c", command) };
  });

type Damage = readonly [name: string, hand: (fixture: EngineFixture, box: Box) => void, RegExp];

const inHost =
  (...command: string[]) =>
  ({ host }: EngineFixture) =>
    host.run("sh", "-ec", command.join("; "));
const inBox =
  (...command: string[]) =>
  (_: EngineFixture, { netns }: Box) =>
    netns.run("sh", "-ec", command.join("; "));

const damages: readonly Damage[] = [
  ["a link deleted by hand", (f) => f.host.run("ip", "link", "del", outer(f)), /link ".*" is miss/],
  ["the container's end deleted", inBox("ip link del eth0"), /link ".*" is missing/],
  ["the host's end down", (f) => f.host.run("ip", "link", "set", outer(f), "down"), /in up/],
  [
    "the host's end's MTU",
    (f) => f.host.run("ip", "link", "set", outer(f), "mtu", "1280"),
    /in mtu/,
  ],
  ["the container's end down", inBox("ip link set eth0 down"), /differs in peer/],
  [
    "a link out of its bridge",
    (f) => f.host.run("ip", "link", "set", outer(f), "nomaster"),
    /mast/,
  ],
  [
    "an address changed",
    inBox("ip addr del 10.88.0.2/24 dev eth0"),
    /address 10.88.0.2\/24 on "eth0" is missing.*route to 0.0.0.0\/0/,
  ],
  ["an IPv6 address removed", inBox("ip addr del fd00:88::2/64 dev eth0"), /fd00:88::2\/64/],
  ["a route removed", inBox("ip route del default"), /route to 0.0.0.0\/0/],
  ["a route changed", inBox("ip route replace default via 10.88.0.77"), /differs in gateway/],
  ["the gateway's address removed", inHost("ip addr del 10.88.0.1/24 dev cni0"), /10.88.0.1\/24/],
  ["the bridge down", inHost("ip link set cni0 down"), /link "cni0" differs in up/],
  ["forwarding off", inHost("echo 0 >/proc/sys/net/ipv4/ip_forward"), /ip_forward/],
  ["a container's sysctl", inBox("echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_notify"), /arp_notify/],
  [
    "an element removed",
    inHost(`nft delete element inet netloom_${agent} publish4 { tcp . 8081 }`),
    /element .*8081 of nftables set "publish4" is missing/,
  ],
  [
    "an element that leads elsewhere",
    inHost(
      `nft delete element inet netloom_${agent} publish4 { tcp . 8081 }`,
      `nft add element inet netloom_${agent} publish4 { tcp . 8081 : 10.9.9.9 . 1 }`,
    ),
    /publish4" differs in data/,
  ],
  [
    "a subnet's chain flushed",
    inHost(`nft flush chain inet netloom_${agent} masquerade_10.88.0.0/24`),
    /chain "masquerade_10.88.0.0\/24"/,
  ],
];

describe("one pass puts back", () => {
  test.each(damages)("%s", async (_, hand, expected) => {
    using fixture = await start([bridged(1)]);
    const before = whole(fixture);
    hand(fixture, fixture.boxes[0]!);
    expect(whole(fixture)).not.toEqual(before);
    const report = await pass(fixture);
    expect(report.failed.map(({ error }) => String(error))).toEqual([]);
    expect(words(report)).toMatch(expected);
    expect(report).toMatchObject({ failed: [], stale: [], repaired: [{ containerId: "c1" }] });
    expect(whole(fixture)).toEqual(before);
    expect(await pass(fixture)).toEqual(nothing);
    fixture.boxes[0]!.netns.run("ping", "-q", "-c", "1", "-W", "1", "10.88.0.1");
  });

  test("a bridge deleted under several containers", async () => {
    using fixture = await start([bridged(1), bridged(2), bridged(3)]);
    const before = whole(fixture);
    fixture.host.run("ip", "link", "del", "cni0");
    const { repaired, failed } = await pass(fixture);
    expect(failed).toEqual([]);
    expect(repaired).toHaveLength(3);
    expect(whole(fixture)).toEqual(before);
    for (const { netns } of fixture.boxes) netns.run("ping", "-q", "-c1", "-W1", "10.88.0.1");
    expect(await pass(fixture)).toEqual(nothing);
  });

  test("all of nftables, once for all", async () => {
    using fixture = await start([bridged(1), bridged(2)]);
    const before = whole(fixture);
    fixture.host.run("nft", "flush", "ruleset");
    expect(await pass(fixture)).toEqual({ ...nothing, restored: 2 });
    expect(whole(fixture)).toEqual(before);
  });

  test("links, addresses and routes of ptp", async () => {
    using fixture = await start([routed]);
    const before = whole(fixture);
    fixture.host.run("ip", "addr", "flush", "dev", outer(fixture), "scope", "global");
    expect(words(await pass(fixture))).toMatch(/10\.99\.0\.1/);
    expect(whole(fixture)).toEqual(before);
    fixture.host.run("ip", "link", "del", outer(fixture));
    expect(words(await pass(fixture))).toMatch(/is missing/);
    expect(whole(fixture)).toEqual(before);
  });
});

describe("a pass leaves", () => {
  test("what others made or containers may change, and what is as recorded", async () => {
    using fixture = new EngineFixture("leave");
    await fixture.attach(fixture.box(), bridged(3));
    fixture.instance = agent;
    await fixture.attach(fixture.box(), bridged(1));
    const [foreign, own] = fixture.boxes;
    foreign!.netns.run("ip", "addr", "del", "10.88.0.4/24", "dev", "eth0");
    fixture.host.run("sh", "-ec", "ip link add own0 type veth peer name own1");
    fixture.host.run("nft", "add table inet mine; flush chain inet netloom_cni postrouting");
    const hand =
      "ip link set eth0 mtu 1400; ip addr add 192.0.2.7/32 dev eth0; " +
      "ip route add 198.51.100.0/24 via 10.88.0.1";
    own!.netns.run("sh", "-ec", hand);
    const before = whole(fixture);
    expect(await pass(fixture)).toEqual(nothing);
    expect(whole(fixture)).toEqual(before);
  });

  test("an attachment whose container is gone, and says so", async () => {
    using fixture = await start([bridged(1), bridged(2)]);
    const [{ netns }] = fixture.boxes.splice(0, 1) as [Box];
    netns[Symbol.dispose]();
    const report = await pass(fixture);
    expect(report.stale.map(({ containerId }) => containerId)).toEqual(["c1"]);
    expect(report).toMatchObject({ repaired: [], failed: [] });
  });

  test("another container that has the namespace's path by now", async () => {
    using fixture = await start([bridged(1)]);
    const { netns } = fixture.boxes[0]!;
    Bun.spawnSync(["ip", "netns", "del", netns.name]);
    Bun.spawnSync(["ip", "netns", "add", netns.name]);
    const report = await pass(fixture);
    expect(report.stale).toHaveLength(1);
    expect(netns.json("ip", "-j", "link", "show").map(({ ifname }) => ifname)).toEqual(["lo"]);
  });

  test("an attachment that another call is at work on to the next pass", async () => {
    using fixture = await start([bridged(1)]);
    fixture.host.run("ip", "link", "del", outer(fixture));
    {
      using _lock = await lockAttachment(fixture.paths, fixture.records()[0]!.id);
      expect(await pass(fixture)).toEqual(nothing);
    }
    expect(words(await pass(fixture))).toMatch(/is missing/);
  });

  test("a container's link that has another name now, and says so", async () => {
    using fixture = await start([bridged(1)]);
    inBox("ip link set eth0 down; ip link set eth0 name lan0")(fixture, fixture.boxes[0]!);
    const { failed, repaired } = await pass(fixture);
    expect(repaired).toEqual([]);
    expect(String(failed[0]?.error)).toContain('its other end is no more "eth0"');
  });
});
