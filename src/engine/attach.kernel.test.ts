/** An ADD that fails leaves kernel and files as they were, and says why. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { bridge } from "../drivers/bridge.ts";
import { examAddresses } from "../drivers/conformance.ts";
import { type PortMapping, portmapObjects } from "../drivers/portmap.ts";
import { ptp } from "../drivers/ptp.ts";
import { EngineFixture, type Wish } from "./engine-fixture.ts";

const gateway: Wish = {
  driver: bridge,
  config: { isGateway: true, ipMasq: true, macspoofchk: true },
  ...examAddresses(1),
};

/** The wish of container `n`, with published ports. */
function wishOf(n: number, mappings: readonly PortMapping[] = []): Wish {
  const extras: Wish["extras"] = (port) =>
    portmapObjects({ ...port, mappings, snat: true, masqAll: false });
  return { ...gateway, ...examAddresses(n), extras };
}

const tcp = (hostPort: number, more: Partial<PortMapping> = {}): PortMapping => ({
  hostPort,
  containerPort: 80,
  protocol: "tcp",
  ...more,
});

/** Expects the attachment of a new container to fail and to change nothing. */
async function expectRefused(fixture: EngineFixture, wish: Wish, message: RegExp): Promise<void> {
  const box = fixture.box();
  const before = fixture.state();
  const error = await fixture.attach(box, wish).then(
    () => new Error("nothing was refused"),
    (error) => error as Error,
  );
  expect(error.message).toMatch(message);
  expect(fixture.state()).toEqual(before);
}

describe("a failed ADD changes nothing:", () => {
  const foreign: [string, string[][], Wish, RegExp][] = [
    [
      "the bridge's name is that of a link of another kind",
      [["ip", "link", "add", "cni0", "type", "veth", "peer", "name", "other"]],
      gateway,
      /Cannot use link "cni0" as the bridge: it is of another kind/,
    ],
    [
      "the bridge has another gateway's address",
      [
        ["ip", "link", "add", "cni0", "type", "bridge"],
        ["ip", "link", "set", "cni0", "up"],
        ["ip", "addr", "add", "10.99.0.1/24", "dev", "cni0"],
      ],
      gateway,
      /link "cni0" has the address 10\.99\.0\.1\/24, not the gateway's 10\.88\.0\.1\/24/,
    ],
    [
      "a route leads through a gateway that is not there",
      [],
      { ...gateway, routes: [{ dst: "192.0.2.0/24", gw: "172.31.0.1" }] },
      /192\.0\.2\.0\/24/,
    ],
    [
      "a route of a ptp network leads through a gateway that is not there",
      [],
      { ...gateway, driver: ptp, config: {}, routes: [{ dst: "192.0.2.0/24", gw: "172.31.0.1" }] },
      /192\.0\.2\.0\/24/,
    ],
    [
      "the MTU is more than the link takes",
      [],
      { ...gateway, config: { ...gateway.config, mtu: 20 } },
      /./,
    ],
  ];
  test.each(foreign)("%s", async (_, commands, wish, message) => {
    using fixture = new EngineFixture("undo");
    // What stays after any detach is there before: the bridge, the empty tables, forwarding.
    const first = fixture.box();
    if (commands.length === 0) {
      await fixture.attach(first, gateway);
      await fixture.detach(first, gateway);
    }
    fixture.host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
    for (const command of commands) fixture.host.run(...command);
    await expectRefused(fixture, wish, message);
  });

  const vlans: [string, Wish["config"]][] = [
    ["a VLAN", { vlan: 5 }],
    ["a VLAN with a gateway", { vlan: 5, isGateway: true }],
    ["a trunk of VLANs", { vlanTrunk: [{ id: 7 }] }],
  ];
  test.each(vlans)("%s is refused by a kernel that filters none, else set", async (_, config) => {
    using fixture = new EngineFixture("vlan");
    const first = fixture.box();
    await fixture.attach(first, gateway);
    await fixture.detach(first, gateway);
    fixture.host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
    fixture.host.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
    const wish = { ...gateway, config: { ...config, bridge: "br5" } };
    const probe = "ip link add probe type bridge vlan_filtering 1 && ip link del probe; echo $?";
    if (fixture.host.run("sh", "-c", probe).trim() === "0") {
      const { port } = await fixture.attach(fixture.box(), wish);
      const [shown] = fixture.host.json("bridge", "-j", "vlan", "show", "dev", port.hostLink);
      const { vlan, vlanTrunk } = bridge.parse(wish.config);
      expect(shown.vlans.map((one: { vlan: number }) => one.vlan)).toEqual(
        vlan === 0 ? [1, ...vlanTrunk.map(({ vid }) => vid)] : [vlan],
      );
      return;
    }
    const message = /needs, as "vlanTrunk", a bridge that filters VLANs, which this kernel lacks/;
    await expectRefused(fixture, wish, message);
    fixture.host.run("ip", "link", "add", "br5", "type", "bridge");
    await expectRefused(fixture, wish, message);
  });

  const taken: [string, PortMapping[], PortMapping[], RegExp][] = [
    ["a published port is taken", [tcp(8080)], [tcp(8080)], /port 8080\/tcp: container "c1"/],
    [
      "one of several published ports is taken",
      [tcp(8082)],
      [tcp(8081), tcp(8082), tcp(8083)],
      /port 8082\/tcp: container "c1"/,
    ],
    [
      "a port of a published range is taken",
      [tcp(8085)],
      [tcp(8080, { range: 10 })],
      /port 8085\/tcp: container "c1"/,
    ],
    [
      "the port is taken on every address",
      [tcp(8080)],
      [tcp(8080, { hostIP: "192.0.2.1" })],
      /port 192\.0\.2\.1:8080\/tcp: container "c1"/,
    ],
    [
      "the port is taken on one address",
      [tcp(8080, { hostIP: "192.0.2.1" })],
      [tcp(8080)],
      /port 8080\/tcp: container "c1"/,
    ],
    [
      "the port is taken on one address of IPv6",
      [tcp(8080, { hostIP: "fd00::1", protocol: "udp" })],
      [tcp(8080, { protocol: "udp" })],
      /port 8080\/udp: container "c1" \(eth0 on network "blue"\)/,
    ],
  ];
  test.each(taken)("%s", async (_, held, wanted, message) => {
    using fixture = new EngineFixture("taken");
    await fixture.attach(fixture.box(), wishOf(1, held));
    await expectRefused(fixture, wishOf(2, wanted), message);
  });
});

test("the same port is free on another address, for another protocol, and after DEL", async () => {
  using fixture = new EngineFixture("free");
  const first = fixture.box();
  const wish = wishOf(1, [tcp(8080, { hostIP: "192.0.2.1" })]);
  await fixture.attach(first, wish);
  await fixture.attach(fixture.box(), wishOf(2, [tcp(8080, { hostIP: "192.0.2.2" })]));
  await fixture.attach(fixture.box(), wishOf(3, [tcp(8080, { protocol: "udp" })]));
  await fixture.detach(first, wish);
  await fixture.attach(fixture.box(), wishOf(4, [tcp(8080, { hostIP: "192.0.2.1" })]));
  expect(fixture.records().length).toBe(3);
});

test.each([
  ["bridge", bridge],
  ["ptp", ptp],
] as const)("%s serves IPv6 on a host that gives new links none", async (_, driver) => {
  using fixture = new EngineFixture("no-ipv6");
  const off =
    "for name in all default; do echo 1 >/proc/sys/net/ipv6/conf/$name/disable_ipv6; done";
  fixture.host.run("sh", "-c", off);
  const box = fixture.box();
  const { gateways, ips } = examAddresses(1);
  await fixture.attach(box, { driver, config: { isGateway: true }, ips, gateways });
  expect(gateways.some((gateway) => gateway.includes(":"))).toBe(true);
  for (const gateway of gateways) box.netns.run("ping", "-q", "-c", "1", "-W", "1", gateway);
});

test("forceAddress replaces another gateway's address", async () => {
  using fixture = new EngineFixture("force");
  fixture.host.run("ip", "link", "add", "cni0", "type", "bridge");
  fixture.host.run("ip", "addr", "add", "10.99.0.1/24", "dev", "cni0");
  await fixture.attach(fixture.box(), {
    ...gateway,
    config: { isGateway: true, forceAddress: true },
  });
  const [link] = fixture.host.json("ip", "-j", "-4", "addr", "show", "cni0");
  expect(link.addr_info.map(({ local }: { local: string }) => local)).toEqual(["10.88.0.1"]);
});

test("eight processes attach at once to a bridge that is not there yet", async () => {
  using fixture = new EngineFixture("at-once");
  const boxes = Array.from({ length: 8 }, () => fixture.box());
  const script = new URL("attach-process.ts", import.meta.url).pathname;
  const children = boxes.map(({ netns, id }, n) => {
    const input = { host: fixture.host.path, netns: netns.path, ...id, paths: fixture.paths, n };
    const command = [process.execPath, script, JSON.stringify(input)];
    return Bun.spawn(command, { stdout: "ignore", stderr: "pipe" });
  });
  const said = await Promise.all(children.map(({ stderr }) => stderr.text()));
  expect(said.join("")).toBe("");
  const ports = fixture.host.json("ip", "-j", "link", "show", "master", "cni0");
  expect(ports.length).toBe(8);
  const [link] = fixture.host.json("ip", "-j", "addr", "show", "cni0");
  const gateways = link.addr_info.filter(({ scope }: { scope: string }) => scope === "global");
  expect(gateways.map(({ local }: { local: string }) => local)).toEqual([
    "10.88.0.1",
    "fd00:88::1",
  ]);
  const [{ ifalias }] = fixture.host.json("ip", "-j", "link", "show", "cni0");
  expect(ifalias).toBe("netloom:cni");
  for (const { netns } of boxes) netns.run("ping", "-q", "-c", "1", "-W", "1", "10.88.0.1");
  expect(readdirSync(`${fixture.paths.stateDir}/attachments`).length).toBe(8);
}, 60_000);
