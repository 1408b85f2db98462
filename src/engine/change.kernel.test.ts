/** Attachments that change while they are in use. */
import { expect, test } from "bun:test";
import { bridge } from "../drivers/bridge.ts";
import { macvlan } from "../drivers/macvlan.ts";
import { portmap } from "../drivers/portmap-extra.ts";
import { RigidError } from "../plan/alter.ts";
import { type Changed, change } from "./change.ts";
import { ConflictError } from "./conflict.ts";
import { type Box, EngineFixture, type Wish } from "./engine-fixture.ts";
import { repairAll } from "./repair.ts";

const onBridge = (config: object, more: Partial<Wish> = {}): Wish => ({
  driver: bridge,
  config: { bridge: "br0", isGateway: true, ...config },
  ips: ["10.1.0.5/24"],
  gateways: ["10.1.0.1"],
  ...more,
});

const published = (hostPort: number): Pick<Wish, "extras"> => ({
  extras: (port, facts) => {
    const portMappings = [{ hostPort, containerPort: 80, protocol: "tcp" }];
    return portmap.objects(port, portmap.parse({ runtimeConfig: { portMappings } })!, facts);
  },
});

const bare = (ruleset: string) => ruleset.replace(/ comment "[^"]*"/g, "");

function changed(fixture: EngineFixture, box: Box, wish: Wish): Promise<Changed> {
  return fixture.engine((engine) => change(engine, fixture.request(box, wish)));
}

const repaired = (fixture: EngineFixture) =>
  fixture.engine(async (engine) => (await repairAll(engine)).repaired);

test("a bridge's container gets another MTU, guards, masquerading and ports, and loses them", async () => {
  using fixture = new EngineFixture("change");
  const box = fixture.box();
  const plain = onBridge({ mtu: 1500 });
  const full = onBridge(
    { mtu: 1400, ipMasq: true, macspoofchk: true, ipspoofchk: true, acceptRa: true },
    { ...published(8080), routes: [{ dst: "10.9.0.0/16", gw: "10.1.0.1" }] },
  );
  await fixture.attach(box, plain);
  const index = () => box.netns.json("ip", "-j", "link", "show", "eth0")[0].ifindex;
  const [was, before] = [index(), fixture.state()];
  expect(await changed(fixture, box, plain)).toBe("as it was");
  expect(await changed(fixture, box, full)).toBe("changed");
  expect(index()).toBe(was);
  const mtus = () => [
    box.netns.json("ip", "-j", "link", "show", "eth0")[0].mtu,
    ...fixture.host.json("ip", "-j", "link", "show", "type", "veth").map(({ mtu }) => mtu),
    fixture.host.json("ip", "-j", "link", "show", "br0")[0].mtu,
  ];
  expect(mtus()).toEqual([1400, 1400, 1400]);
  const ruleset = bare(fixture.host.run("nft", "list", "ruleset"));
  for (const text of ["10.1.0.5 : jump masquerade_", "8080 : 10.1.0.5 . 80", "mac_allowed"]) {
    expect(ruleset).toContain(text);
  }
  expect(box.netns.run("ip", "route")).toContain("10.9.0.0/16 via 10.1.0.1");
  expect(await repaired(fixture)).toEqual([]);
  expect(await changed(fixture, box, plain)).toBe("changed");
  expect(mtus()).toEqual([1500, 1500, 1500]);
  const { kernel, files } = fixture.state() as any;
  expect(kernel[1]).toEqual((before.kernel as any)[1]);
  expect(kernel[0].nft).not.toContain("10.1.0.5");
  expect(files).toEqual(before.files as any);
  await fixture.detach(box, plain);
  expect(fixture.records()).toEqual([]);
});

test("a published port leads elsewhere, and one that another has is refused and changes nothing", async () => {
  using fixture = new EngineFixture("change");
  const [box, other] = [fixture.box(), fixture.box()];
  await fixture.attach(box, onBridge({}, published(8080)));
  const theirs = onBridge({}, { ...published(9090), ips: ["10.1.0.6/24"] });
  await fixture.attach(other, theirs);
  expect(await changed(fixture, box, onBridge({}, published(8081)))).toBe("changed");
  const map = () => bare(fixture.host.run("nft", "list", "map", "inet", "netloom_cni", "publish4"));
  expect(map()).toContain("8081 : 10.1.0.5");
  expect(map()).not.toContain("8080");
  const before = fixture.state();
  const taken = changed(fixture, box, onBridge({ mtu: 1400 }, published(9090)));
  await expect(taken).rejects.toThrow(ConflictError);
  await repaired(fixture);
  expect(fixture.state()).toEqual(before);
});

test("a shim comes with who wants it, and goes with the last", async () => {
  using fixture = new EngineFixture("change");
  fixture.addParent();
  fixture.host.run("ip", "addr", "add", "10.1.0.1/24", "dev", "lan");
  const box = fixture.box();
  const wish = (config: object): Wish => ({
    driver: macvlan,
    config: { parent: "lan", ...config },
    ips: ["10.1.0.5/24"],
  });
  await fixture.attach(box, wish({}));
  const before = fixture.state();
  const reaches = () => box.netns.run("ping", "-c1", "-W1", "10.1.0.1");
  expect(reaches).toThrow();
  await changed(fixture, box, wish({ hostShim: true, macspoofchk: true }));
  reaches();
  await changed(fixture, box, wish({}));
  expect(fixture.state()).toEqual(before);
});

test("what would take a new link is refused by its name, and nothing changes", async () => {
  using fixture = new EngineFixture("change");
  fixture.addParent();
  const box = fixture.box();
  const wish = (mode: string): Wish => ({
    ...{ driver: macvlan, ips: ["10.1.0.5/24"] },
    config: { parent: "lan", mode },
  });
  await fixture.attach(box, wish("bridge"));
  const before = fixture.state();
  const refused = changed(fixture, box, wish("vepa"));
  await expect(refused).rejects.toThrow(RigidError);
  await expect(refused).rejects.toThrow('the mode of "eth0"');
  expect(fixture.state()).toEqual(before);
});

test("of what is not attached nothing is made", async () => {
  using fixture = new EngineFixture("change");
  const box = fixture.box();
  const before = fixture.state();
  expect(await changed(fixture, box, onBridge({}))).toBe("not attached");
  expect(fixture.state()).toEqual(before);
});
