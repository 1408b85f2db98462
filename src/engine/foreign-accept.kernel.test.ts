/** Containers reach the world, and it their published ports, through a firewall like Docker's. */
import { expect, test } from "bun:test";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { portmapObjects } from "../drivers/portmap.ts";
import { ptp } from "../drivers/ptp.ts";
import { clean } from "./clean.ts";
import { type Box, EngineFixture, type Wish } from "./engine-fixture.ts";

const mappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" as const }];
const extras: Wish["extras"] = (port) =>
  portmapObjects({ ...port, mappings, snat: true, masqAll: false });

const routes = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
const onBridge: Wish = {
  driver: bridge,
  config: { isGateway: true },
  ...examAddresses(1),
  routes,
  extras,
};
const onPtp: Wish = { ...onBridge, driver: ptp, config: {} };

/** A host with a neighbour on an uplink, and iptables in the state that Docker leaves it in. */
function hostWith(chain: string, policy = "DROP"): { fixture: EngineFixture; outside: Box } {
  const fixture = new EngineFixture("foreign");
  const outside = fixture.box();
  const { host } = fixture;
  // The uplink is ready: it has no duplicate address detection ahead.
  host.run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad");
  host.run("ip", "link", "add", "up0", "type", "veth", "peer", "eth9", "netns", outside.netns.name);
  for (const [netns, link, n] of [
    [host, "up0", 1],
    [outside.netns, "eth9", 2],
  ] as const) {
    netns.run("ip", "link", "set", link, "up");
    netns.run("ip", "addr", "add", `192.0.2.${n}/24`, "dev", link);
    netns.run("ip", "addr", "add", `2001:db8::${n}/64`, "dev", link, "nodad");
  }
  outside.netns.run("ip", "route", "add", "default", "via", "192.0.2.1");
  outside.netns.run("ip", "route", "add", "default", "via", "2001:db8::1");
  for (const iptables of ["iptables", "ip6tables"]) {
    host.run(iptables, "-N", chain);
    host.run(iptables, "-A", chain, "-j", "RETURN");
    host.run(iptables, "-A", "FORWARD", "-j", chain);
    host.run(iptables, "-P", "FORWARD", policy);
  }
  return { fixture, outside };
}

const ping = (box: Box, address: string) =>
  Bun.spawnSync([
    ...["nsenter", `--net=${box.netns.path}`],
    ...["ping", "-q", "-c", "1", "-W", "1", address],
  ]).exitCode === 0;

/** Serves one TCP connection in the container, and tells whether the outside gets its answer. */
function fetches(outside: Box, box: Box, address: string): boolean {
  const enter = (of: Box) => ["nsenter", `--net=${of.netns.path}`];
  const server = Bun.spawn([...enter(box), "nc", "-l", "-N", "80"], { stdin: Buffer.from("hi") });
  box.netns.run("sh", "-c", "until ss -Hltn | grep -q :80; do sleep 0.02; done");
  const client = Bun.spawnSync([...enter(outside), "nc", "-w", "1", address, "8080"]);
  server.kill();
  return client.stdout.toString() === "hi";
}

const cases = [
  ["a bridge and DOCKER-USER", "DOCKER-USER", onBridge],
  ["a point-to-point link and DOCKER-USER", "DOCKER-USER", onPtp],
  ["a bridge and CNI-ADMIN", "CNI-ADMIN", onBridge],
] as const;

test.each(cases)("packets pass with %s, where the policy is DROP", async (_, chain, wish) => {
  const { fixture, outside } = hostWith(chain);
  using _fixture = fixture;
  const box = fixture.box();
  await fixture.attach(box, wish);
  expect(["192.0.2.2", "2001:db8::2"].map((address) => ping(box, address))).toEqual([true, true]);
  expect(fetches(outside, box, "192.0.2.1")).toBe(true);
  // What nobody published stays as closed as the policy wants it.
  expect(["10.88.0.2", "fd00:88::2"].map((address) => ping(outside, address))).toEqual([
    false,
    false,
  ]);
  // The firewall's own tool understands the rule; a second container adds no other.
  await fixture.attach(fixture.box(), { ...wish, ...examAddresses(2), extras: undefined });
  for (const iptables of ["iptables", "ip6tables"]) {
    const rules = fixture.host.run(iptables, "-S", chain).trim().split("\n");
    expect(rules.length).toBe(3);
    expect(rules[1]).toContain(`-A ${chain} -m mark --mark 0x2000000/0x2000000`);
    expect(rules[1]).toEndWith("-j ACCEPT");
  }
});

test("after DEL and clean the firewall is as it was", async () => {
  const { fixture } = hostWith("DOCKER-USER");
  using _fixture = fixture;
  const rules = () => fixture.host.run("iptables-save").replace(/^#.*$|\[.*\]/gm, "");
  const before = rules();
  const box = fixture.box();
  await fixture.attach(box, onBridge);
  expect(rules()).not.toBe(before);
  await fixture.detach(box, onBridge);
  const removed = await fixture.engine((engine) => clean(engine));
  expect(removed).toContain("rules in chains of other firewalls: 2");
  expect(rules()).toBe(before);
});

test("where the policy is ACCEPT, or nothing is routed, the firewall is not touched", async () => {
  const open = hostWith("DOCKER-USER", "ACCEPT");
  using _open = open.fixture;
  const closed = hostWith("DOCKER-USER");
  using _closed = closed.fixture;
  await open.fixture.attach(open.fixture.box(), onBridge);
  const unrouted = { ...onBridge, config: {}, gateways: [], routes: [], extras: undefined };
  await closed.fixture.attach(closed.fixture.box(), unrouted);
  for (const { fixture } of [open, closed]) {
    expect(fixture.host.run("iptables", "-S", "DOCKER-USER")).not.toContain("mark");
  }
});

test("without a chain for others a foreign policy of DROP is left alone", async () => {
  using fixture = new EngineFixture("foreign");
  fixture.host.run("iptables", "-P", "FORWARD", "DROP");
  await fixture.attach(fixture.box(), onBridge);
  expect(fixture.host.run("iptables", "-S")).not.toContain("ACCEPT\n-A");
});
