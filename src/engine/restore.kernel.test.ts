/** What an outside hand takes away is noticed by CHECK, named, and restored where it can be. */
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { type PortMapping, portmapObjects } from "../drivers/portmap.ts";
import { ptp } from "../drivers/ptp.ts";
import type { Attached } from "./attach.ts";
import { type Box, EngineFixture, type Wish } from "./engine-fixture.ts";
import { lockAttachment } from "./lock.ts";
import { attachmentId } from "./names.ts";

const mappings: PortMapping[] = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 5353, containerPort: 53, protocol: "udp", hostIP: "127.0.0.1" },
];

function wishOf(n: number, own: readonly PortMapping[] = []): Wish {
  const extras: Wish["extras"] = (port) =>
    portmapObjects({
      ...port,

      mappings: own,
      snat: true,
      masqAll: false,
    });
  const config = { isDefaultGateway: true, ipMasq: true, macspoofchk: true };
  return { driver: bridge, config, ...examAddresses(n), extras };
}

interface Running {
  readonly box: Box;
  readonly wish: Wish;
  readonly attached: Attached;
}

async function start(fixture: EngineFixture, wish: Wish): Promise<Running> {
  const box = fixture.box();
  return { box, wish, attached: await fixture.attach(box, wish) };
}

/** What CHECK complains of; empty when it is content. */
async function complaint(fixture: EngineFixture, { box, wish, attached }: Running) {
  return await fixture.check(box, wish, attached).then(
    () => "",
    (error) => `${error.name}: ${error.message}`,
  );
}

const ruleset = (fixture: EngineFixture) =>
  fixture.host.run("nft", "-s", "list", "ruleset").split("\n").sort().join("\n");

describe("after another program's", () => {
  const erasures: [string, string[][]][] = [
    ["nft flush ruleset", [["nft", "flush", "ruleset"]]],
    ["nft flush table", [["nft", "flush", "table", "inet", "netloom_cni"]]],
    ["nft delete table", [["nft", "delete", "table", "bridge", "netloom_cni"]]],
    [
      "removal of one rule's chain content",
      [["nft", "flush", "chain", "inet", "netloom_cni", "postrouting"]],
    ],
  ];
  test.each(erasures)("%s CHECK complains once and restores all", async (_, commands) => {
    using fixture = new EngineFixture("restore");
    const one = await start(fixture, wishOf(1, mappings));
    const two = await start(fixture, wishOf(2));
    const before = ruleset(fixture);
    for (const command of commands) fixture.host.run(...command);
    expect(ruleset(fixture)).not.toBe(before);
    expect(await complaint(fixture, two)).toMatch(/2 attachments were restored, check again/);
    expect(ruleset(fixture)).toBe(before);
    expect(await complaint(fixture, one)).toBe("");
    expect(await complaint(fixture, two)).toBe("");
  });

  test.each(erasures)("%s the next ADD restores all", async (_, commands) => {
    using fixture = new EngineFixture("restore");
    const one = await start(fixture, wishOf(1, mappings));
    const before = ruleset(fixture);
    for (const command of commands) fixture.host.run(...command);
    const other = { driver: ptp, config: {}, network: "red", ...examAddresses(9) };
    await start(fixture, other);
    expect(ruleset(fixture)).toBe(before);
    expect(await complaint(fixture, one)).toBe("");
  });

  test("nft flush ruleset and an emptied run directory the next ADD and CHECK restore all", async () => {
    using fixture = new EngineFixture("restore");
    const one = await start(fixture, wishOf(1, mappings));
    for (const trigger of ["ADD", "CHECK"]) {
      fixture.host.run("nft", "flush", "ruleset");
      rmSync(fixture.paths.runDir, { recursive: true });
      if (trigger === "ADD") await start(fixture, wishOf(2));
      else expect(await complaint(fixture, one)).toMatch(/2 attachments were restored/);
      expect(ruleset(fixture)).toContain("8080");
      expect(await complaint(fixture, one)).toBe("");
    }
  });

  test("nft flush ruleset DEL still removes everything", async () => {
    using fixture = new EngineFixture("restore");
    const { box, wish } = await start(fixture, wishOf(1, mappings));
    fixture.host.run("nft", "flush", "ruleset");
    await fixture.detach(box, wish);
    expect(fixture.records()).toEqual([]);
  });
});

describe("CHECK names, and then restores,", () => {
  const parts: [string, string[], RegExp][] = [
    [
      "a published port",
      ["element", "inet", "netloom_cni", "publish4", "{ tcp . 8080 }"],
      /element 6 \. 8080 of nftables set "publish4" is missing/,
    ],
    [
      "a published port of one address",
      ["element", "inet", "netloom_cni", "publish4_at", "{ 127.0.0.1 . udp . 5353 }"],
      /element 127\.0\.0\.1 \. 17 \. 5353 of nftables set "publish4_at" is missing/,
    ],
    [
      "a masqueraded address",
      ["element", "inet", "netloom_cni", "masquerade4", "{ 10.88.0.2 }"],
      /element 10\.88\.0\.2 of nftables set "masquerade4" is missing/,
    ],
  ];
  test.each(parts)("%s", async (_, element, message) => {
    using fixture = new EngineFixture("restore");
    const one = await start(fixture, wishOf(1, mappings));
    const before = ruleset(fixture);
    fixture.host.run("nft", "delete", ...element);
    const said = await complaint(fixture, one);
    expect(said).toMatch(message);
    expect(said).toMatch(/restored, check again/);
    expect(ruleset(fixture)).toBe(before);
    expect(await complaint(fixture, one)).toBe("");
  });

  test("what one emptied set held of all attachments", async () => {
    using fixture = new EngineFixture("restore");
    const one = await start(fixture, wishOf(1, mappings));
    const two = await start(fixture, wishOf(2));
    const three = await start(fixture, wishOf(3));
    await fixture.detach(three.box, three.wish);
    const before = ruleset(fixture);
    fixture.host.run("nft", "flush", "map", "inet", "netloom_cni", "masquerade4");
    fixture.host.run("nft", "flush", "map", "inet", "netloom_cni", "publish4");
    expect(await complaint(fixture, two)).toMatch(
      /"masquerade4" is missing; .*restored, check again/,
    );
    expect(ruleset(fixture)).toBe(before);
    expect(await complaint(fixture, one)).toBe("");
    expect(await complaint(fixture, two)).toBe("");
  });

  test("the rules of its masquerade chain", async () => {
    using fixture = new EngineFixture("restore");
    const one = await start(fixture, wishOf(1));
    const before = ruleset(fixture);
    fixture.host.run("nft", "flush chain inet netloom_cni masquerade_10.88.0.0/24");
    expect(await complaint(fixture, one)).toMatch(/chain "masquerade_10\.88\.0\.0\/24" is missing/);
    expect(ruleset(fixture)).toBe(before);
  });
});

describe("CHECK names", () => {
  const hostLink = (running: Running) => running.attached.port.hostLink;
  const inBox =
    (...command: string[]) =>
    ({ box }: Running) =>
      box.netns.run("ip", ...command);
  const onHost =
    (command: (running: Running) => string[]) => (running: Running, fixture: EngineFixture) =>
      fixture.host.run(...command(running));
  const echo = (value: string, path: string) => ["sh", "-c", `echo ${value} >/proc/sys/${path}`];

  const damages: [string, (running: Running, fixture: EngineFixture) => unknown, RegExp][] = [
    [
      "a removed address",
      inBox("addr", "del", "10.88.0.2/24", "dev", "eth0"),
      /address 10\.88\.0\.2\/24 on "eth0" is missing/,
    ],
    [
      "a removed IPv6 address",
      inBox("addr", "del", "fd00:88::2/64", "dev", "eth0"),
      /address fd00:88::2\/64 on "eth0" is missing/,
    ],
    [
      "a removed route",
      inBox("route", "del", "default"),
      /route to 0\.0\.0\.0\/0 on "eth0" is missing/,
    ],
    [
      "a route through another gateway",
      inBox("route", "replace", "default", "via", "10.88.0.9", "proto", "108"),
      /route to 0\.0\.0\.0\/0 on "eth0" differs in gateway/,
    ],
    [
      "a container's link that is down",
      inBox("link", "set", "eth0", "down"),
      /link "nl\w+" differs in peer/,
    ],
    ["a removed link", inBox("link", "del", "eth0"), /link "eth0" is missing in \/var\/run\/netns/],
    [
      "another hardware address",
      inBox("link", "set", "eth0", "address", "02:00:00:00:00:99"),
      /link "eth0" has the address 02:00:00:00:00:99, not 02:/,
    ],
    [
      "a link that left the bridge",
      onHost((running) => ["ip", "link", "set", hostLink(running), "nomaster"]),
      /link "nl\w+" differs in master/,
    ],
    [
      "a bridge that is down",
      onHost(() => ["ip", "link", "set", "cni0", "down"]),
      /link "cni0" differs in up/,
    ],
    [
      "a gateway's address that is gone",
      onHost(() => ["ip", "addr", "del", "10.88.0.1/24", "dev", "cni0"]),
      /address 10\.88\.0\.1\/24 on "cni0" is missing/,
    ],
    [
      "forwarding that is off",
      onHost(() => echo("0", "net/ipv4/ip_forward")),
      /sysctl net\/ipv4\/ip_forward differs in value/,
    ],
    [
      "a container's sysctl",
      ({ box }) => box.netns.run(...echo("0", "net/ipv4/conf/eth0/arp_notify")),
      /sysctl net\/ipv4\/conf\/eth0\/arp_notify differs in value/,
    ],
  ];
  test.each(damages)("%s", async (_, damage, message) => {
    using fixture = new EngineFixture("check");
    const running = await start(fixture, wishOf(1));
    expect(await complaint(fixture, running)).toBe("");
    damage(running, fixture);
    expect(await complaint(fixture, running)).toMatch(message);
  });

  test("nothing that a later plugin changed and the result tells", async () => {
    using fixture = new EngineFixture("check");
    const running = await start(fixture, wishOf(1));
    const mac = "02:00:00:00:00:99";
    running.box.netns.run("ip", "link", "set", "eth0", "mtu", "1400", "address", mac);
    const links = running.attached.links.map((link) =>
      link.name === "eth0" ? { ...link, mac } : link,
    );
    expect(await complaint(fixture, { ...running, attached: { ...running.attached, links } })).toBe(
      "",
    );
  });

  test("nothing that is more than it expects", async () => {
    using fixture = new EngineFixture("check");
    const running = await start(fixture, wishOf(1));
    const inside = running.box.netns;
    inside.run("ip", "addr", "add", "192.0.2.5/24", "dev", "eth0");
    inside.run("ip", "route", "add", "198.51.100.0/24", "via", "10.88.0.7");
    inside.run("ip", "link", "add", "eth1", "type", "veth");
    expect(await complaint(fixture, running)).toBe("");
  });
});

test("what another call is taking away is not put back", async () => {
  using fixture = new EngineFixture("going");
  const [stays, goes] = [await start(fixture, wishOf(1)), await start(fixture, wishOf(2))];
  const id = attachmentId(fixture.paths, goes.box.id);
  fixture.host.run("nft", "flush", "ruleset");
  {
    using _detaching = await lockAttachment(fixture.paths, id);
    expect(await complaint(fixture, stays)).toContain("attachments were restored");
  }
  expect(ruleset(fixture)).toContain("10.88.0.2 comment");
  expect(ruleset(fixture)).not.toContain("10.88.0.3 comment");
  expect(await complaint(fixture, goes)).toContain("was restored, check again");
  expect(await complaint(fixture, goes)).toBe("");
});
