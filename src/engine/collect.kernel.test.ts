/** GC and clean remove what is ours and unused, and nothing else. */
import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { portmapObjects } from "../drivers/portmap.ts";
import type { Attachment } from "../model/port.ts";
import { clean } from "./clean.ts";
import { collect } from "./collect.ts";
import { type Box, EngineFixture, type Wish } from "./engine-fixture.ts";
import { brokenRecords, removeRecord, writeRecord } from "./record.ts";

function wishOf(n: number): Wish {
  const mappings = [{ hostPort: 8080 + n, containerPort: 80, protocol: "tcp" as const }];
  const extras: Wish["extras"] = (port) =>
    portmapObjects({ ...port, mappings, snat: true, masqAll: false });
  const config = { isGateway: true, ipMasq: true, macspoofchk: true };
  return { driver: bridge, config, ...examAddresses(n), extras };
}

/** So many containers on one bridge. */
async function startAll(fixture: EngineFixture, count: number): Promise<Box[]> {
  for (let n = 1; n <= count; n++) await fixture.attach(fixture.box(), wishOf(n));
  return fixture.boxes;
}

function gc(fixture: EngineFixture, valid: readonly Attachment[], network = "blue") {
  const request = { network, maker: "bridge", valid, bridge: "cni0" };
  return fixture.engine((engine) => collect(engine, request));
}

const links = (fixture: EngineFixture) =>
  fixture.host.json("ip", "-j", "link").map(({ ifname }: { ifname: string }) => ifname);
const ports = (fixture: EngineFixture) => links(fixture).filter((name) => name.startsWith("nl"));
const ruleset = (fixture: EngineFixture) => fixture.host.run("nft", "list", "ruleset");
const kept = (fixture: EngineFixture) => fixture.records().map(({ containerId }) => containerId);

describe("GC", () => {
  test("with all attachments valid changes nothing", async () => {
    using fixture = new EngineFixture("gc");
    const boxes = await startAll(fixture, 2);
    const before = fixture.state();
    await gc(
      fixture,
      boxes.map(({ id }) => id),
    );
    expect(fixture.state()).toEqual(before);
  });

  test("with some valid removes the others whole", async () => {
    using fixture = new EngineFixture("gc");
    const boxes = await startAll(fixture, 3);
    await gc(fixture, [boxes[1]!.id]);
    expect(kept(fixture)).toEqual(["c2"]);
    expect(ports(fixture).length).toBe(1);
    expect(ruleset(fixture)).toContain("8082");
    expect(ruleset(fixture)).not.toMatch(/8081|8083|10\.88\.0\.[24]\b/);
    boxes[1]!.netns.run("ping", "-q", "-c", "1", "-W", "1", "10.88.0.1");
  });

  test("with an empty list removes everything of ours, the bridge and the tables too", async () => {
    using fixture = new EngineFixture("gc");
    await startAll(fixture, 2);
    await gc(fixture, []);
    expect(links(fixture)).toEqual(["lo"]);
    expect(ruleset(fixture)).toBe("");
    expect(fixture.files()).toEqual({});
  });

  test("leaves the attachments of another network, and the tables that they use", async () => {
    using fixture = new EngineFixture("gc");
    await startAll(fixture, 1);
    const other = { ...wishOf(5), network: "red", config: { bridge: "red0", isGateway: true } };
    await fixture.attach(fixture.box(), other);
    await gc(fixture, []);
    expect(kept(fixture)).toEqual(["c2"]);
    expect(links(fixture)).toContain("red0");
    expect(links(fixture)).not.toContain("cni0");
    expect(ruleset(fixture)).toContain("8085");
  });

  test("removes a record whose link and namespace are gone", async () => {
    using fixture = new EngineFixture("gc");
    const [box] = await startAll(fixture, 2);
    box!.netns.run("ip", "link", "del", "eth0");
    await gc(fixture, [fixture.boxes[1]!.id]);
    expect(kept(fixture)).toEqual(["c2"]);
    expect(ruleset(fixture)).not.toContain("8081");
  });

  test("removes a link and elements of ours that have no record", async () => {
    using fixture = new EngineFixture("gc");
    const boxes = await startAll(fixture, 2);
    const lost = fixture.records().find(({ containerId }) => containerId === "c1")!;
    removeRecord(fixture.paths, lost);
    // Still valid, then not any more.
    await gc(
      fixture,
      boxes.map(({ id }) => id),
    );
    expect(ports(fixture).length).toBe(2);
    await gc(fixture, [boxes[1]!.id]);
    expect(ports(fixture).length).toBe(1);
    expect(ruleset(fixture)).not.toContain("8081");
    expect(ruleset(fixture)).toContain("8082");
  });

  test("leaves links of others on the bridge", async () => {
    using fixture = new EngineFixture("gc");
    await startAll(fixture, 1);
    fixture.host.run("ip", "link", "add", "tap0", "type", "veth", "peer", "name", "tap1");
    fixture.host.run("ip", "link", "set", "tap0", "master", "cni0");
    await gc(fixture, []);
    expect(links(fixture).sort()).toEqual(["cni0", "lo", "tap0", "tap1"]);
  });
});

describe("DEL without a record", () => {
  test("removes the link and the elements that bear the attachment's mark", async () => {
    using fixture = new EngineFixture("del");
    const [box] = await startAll(fixture, 1);
    removeRecord(fixture.paths, fixture.records()[0]!);
    await fixture.detach(box!, wishOf(1), { netns: undefined });
    expect(ports(fixture)).toEqual([]);
    expect(ruleset(fixture)).not.toMatch(/elements/);
  });

  test("leaves the link of another container that has the namespace by now", async () => {
    using fixture = new EngineFixture("late");
    const [box] = await startAll(fixture, 1);
    const before = fixture.state();
    const late = { netns: box!.netns, id: { containerId: "late", ifName: "eth0" } };
    await fixture.detach(late, wishOf(1));
    expect(fixture.state()).toEqual(before);
  });
});

describe("clean", () => {
  const run = (fixture: EngineFixture) => fixture.engine((engine) => clean(engine));

  test("changes nothing while containers run", async () => {
    using fixture = new EngineFixture("clean");
    await startAll(fixture, 1);
    const before = fixture.state();
    expect(await run(fixture)).toEqual([]);
    expect(fixture.state()).toEqual(before);
  });

  test("removes the bridge and the tables after the last DEL, and says so", async () => {
    using fixture = new EngineFixture("clean");
    const [box] = await startAll(fixture, 1);
    await fixture.detach(box!, wishOf(1));
    expect(await run(fixture)).toEqual([
      "bridge cni0",
      "nftables table inet netloom_cni",
      "nftables table bridge netloom_cni",
    ]);
    expect(links(fixture)).toEqual(["lo"]);
    expect(ruleset(fixture)).toBe("");
    expect(await run(fixture)).toEqual([]);
  });

  test("never removes a bridge that we did not make", async () => {
    using fixture = new EngineFixture("clean");
    fixture.host.run("ip", "link", "add", "cni0", "type", "bridge");
    const [box] = await startAll(fixture, 1);
    await fixture.detach(box!, wishOf(1));
    await run(fixture);
    expect(links(fixture).sort()).toEqual(["cni0", "lo"]);
  });

  test.each([
    ["a port", "ip link add tap0 type veth peer name tap1; ip link set tap0 master cni0"],
    ["an address", "ip addr add 192.0.2.1/24 dev cni0"],
    ["an IPv6 address", "ip addr add 2001:db8::1/64 dev cni0"],
  ])("never removes a bridge with %s of somebody else's", async (_, command) => {
    using fixture = new EngineFixture("clean");
    const [box] = await startAll(fixture, 1);
    await fixture.detach(box!, wishOf(1));
    fixture.host.run("sh", "-ec", command);
    await run(fixture);
    expect(links(fixture)).toContain("cni0");
  });

  test("removes what guarded VXLAN links once there is none on its ports", async () => {
    using fixture = new EngineFixture("clean");
    const rules = "set ports { type inet_service; elements = { 4789 }; };";
    fixture.host.run("nft", `table inet netloom_node_vxlan { ${rules} }`);
    fixture.host.run("nft", "table inet others_vxlan { }");
    const vxlan = "ip link add v type vxlan id 5 dstport 4789 local 127.0.0.1";
    fixture.host.run("sh", "-ec", `ip link set lo up; ${vxlan}; ip link set v up`);
    expect(await run(fixture)).toEqual([]);
    expect(ruleset(fixture)).toContain("netloom_node_vxlan");
    fixture.host.run("ip", "link", "del", "v");
    expect(await run(fixture)).toEqual(["nftables table inet netloom_node_vxlan"]);
    expect(ruleset(fixture)).toBe("table inet others_vxlan {\n}\n");
  });

  test("removes stray elements, but not those of others", async () => {
    using fixture = new EngineFixture("clean");
    await startAll(fixture, 1);
    const add = (port: number, comment: string) =>
      fixture.host.run(
        "nft",
        `add element inet netloom_cni publish4 { tcp . ${port} comment "${comment}" : 10.9.9.9 . 80 }`,
      );
    add(9001, "netloom:cni:0123456789abcdef");
    add(9002, "by hand");
    expect(await run(fixture)).toEqual(["stray nftables elements: 1"]);
    expect(ruleset(fixture)).not.toContain("9001");
    expect(ruleset(fixture)).toContain("9002");
    expect(ruleset(fixture)).toContain("8081");
  });

  test("removes broken records and those of an earlier boot", async () => {
    using fixture = new EngineFixture("clean");
    await startAll(fixture, 1);
    const [record] = fixture.records();
    writeRecord(fixture.paths, { ...record!, id: "0".repeat(16), boot: "another" });
    const dir = `${fixture.paths.stateDir}/attachments`;
    for (const name of ["1111111111111111.bridge.json", "x.bridge.json.new"]) {
      writeFileSync(`${dir}/${name}`, '{"version":1,');
    }
    expect(brokenRecords(fixture.paths).length).toBe(2);
    await run(fixture);
    expect(fixture.records()).toEqual([record!]);
    expect(brokenRecords(fixture.paths)).toEqual([]);
    expect(existsSync(`${dir}/${record!.id}.bridge.json`)).toBe(true);
  });
});

describe("a record", () => {
  test("that cannot be read does not keep ADD after DEL, nor DEL, from working", async () => {
    using fixture = new EngineFixture("record");
    const [box] = await startAll(fixture, 1);
    const [record] = fixture.records();
    const path = `${fixture.paths.stateDir}/attachments/${record!.id}.bridge.json`;
    writeFileSync(path, "not JSON");
    await fixture.detach(box!, wishOf(1));
    expect(existsSync(path)).toBe(false);
    expect(ports(fixture)).toEqual([]);
    await fixture.attach(box!, wishOf(1));
  });

  test("of an earlier boot is replaced by ADD", async () => {
    using fixture = new EngineFixture("record");
    const box = fixture.box();
    await fixture.attach(box, wishOf(1));
    const [record] = fixture.records();
    await fixture.detach(box, wishOf(1));
    writeRecord(fixture.paths, { ...record!, boot: "another" });
    await fixture.attach(box, wishOf(1));
    expect(fixture.records()).toEqual([record!]);
  });

  test("of an ADD that was cut short gives way to the next ADD", async () => {
    using fixture = new EngineFixture("record");
    const box = fixture.box();
    await fixture.attach(box, wishOf(1));
    const [record] = fixture.records();
    // All but the container's link: as if the process had died before it made the pair.
    box.netns.run("ip", "link", "del", "eth0");
    await fixture.attach(box, wishOf(1));
    expect(fixture.records()).toEqual([record!]);
    box.netns.run("ping", "-q", "-c", "1", "-W", "1", "10.88.0.1");
  });

  test("is removed by DEL although the container's namespace is gone", async () => {
    using fixture = new EngineFixture("record");
    const [box] = await startAll(fixture, 1);
    const { name } = box!.netns;
    fixture.host.run("sh", "-c", "true");
    box!.netns.run("ip", "link", "del", "eth0");
    fixture.boxes.pop();
    Bun.spawnSync(["ip", "netns", "del", name]);
    await fixture.detach(box!, wishOf(1), { netns: undefined });
    expect(fixture.files()).toEqual({});
    expect(ruleset(fixture)).not.toMatch(/elements/);
  });
});
