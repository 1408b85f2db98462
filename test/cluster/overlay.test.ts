/** Overlay networks on four hosts: who reaches whom, what crosses, and what faults cost. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import { shell } from "../support/run.ts";
import type { Box } from "./box.ts";
import { capture } from "./capture.ts";
import { FabricCluster, unreached } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";

const subnets = [
  { cidr: "10.80.0.0/24", blockSize: 28 },
  { cidr: "fd80::/112", blockSize: 124 },
];

let cluster: FabricCluster;
let [one, two]: FabricHost[] = [];
beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 4, segments: 2 });
  [one, two] = cluster.hosts;
}, patient(120_000));
afterAll(() => cluster?.remove());

const removed = async (network: string, boxes: readonly Box[]) => {
  for (const box of boxes) await box.detach();
  await cluster.delete("Network", network, { cascade: true });
};

describe.each([
  ["ipv4", 1450],
  ["ipv6", 1430],
] as const)("over %s", (underlayProtocol, mtu) => {
  test("all pairs reach each other by both families, packets are whole up to the MTU", async () => {
    await cluster.network(underlayProtocol, { type: "overlay", underlayProtocol }, ...subnets);
    const boxes = await cluster.attachEverywhere(underlayProtocol);
    expect(await unreached(boxes)).toEqual([]);
    const [from, to] = boxes as [Box, Box];
    expect(await from.mtu()).toBe(mtu);
    const outer = underlayProtocol === "ipv4" ? "udp port 4789" : "ip6 and udp port 4789";
    const heard = await one!.capture(outer, async () => {
      for (const address of to.addresses) {
        expect([await from.passes(address, mtu), await from.passes(address, mtu + 1)]).toEqual([
          true,
          false,
        ]);
      }
    });
    // Of the largest frame that the fabric carries: 1500 bytes behind Ethernet's header.
    expect(heard.lines.some((line) => line.includes("length 1514"))).toBe(true);
    expect(heard.lines.filter((line) => line.includes("frag"))).toEqual([]);
    await removed(underlayProtocol, boxes);
  });
});

test("two tenants' networks with equal addresses are apart, also on one host", async () => {
  for (const name of ["red", "green"]) {
    await cluster.network(name, { type: "overlay" }, ...subnets);
  }
  const red = await cluster.attachEverywhere("red");
  // One of each address that a red one has as well, and none on the fourth host.
  const green = [await one!.attach("green"), await two!.attach("green")];
  expect(await unreached(red)).toEqual([]);
  expect(await unreached(green)).toEqual([]);
  const foreign = red
    .flatMap((box) => box.addresses)
    .filter((address) => {
      return !green.some((box) => box.addresses.includes(address));
    });
  expect(foreign.length).toBeGreaterThan(0);
  const vni = (await cluster.find("Network", "red"))!.status.vni;
  const heard = await two!.capture("udp port 4789", async () => {
    for (const address of foreign) expect(await green[0]!.reaches(address)).toBe(false);
  });
  expect(
    heard.lines.filter((line) => line.includes(`vni ${vni}`) && line.includes("ICMP")),
  ).toEqual([]);
  await removed("red", red);
  await removed("green", green);
});

describe("with traffic running", () => {
  let [here, there]: Box[] = [];
  beforeAll(async () => {
    await cluster.network("blue", { type: "overlay" }, ...subnets);
    [here, there] = [await one!.attach("blue"), await two!.attach("blue")];
    // The first host hears of the second's in a moment.
    await eventually("they meet", () => here!.reaches(there!.address()), patient(5_000));
  });
  afterAll(() => removed("blue", [here!, there!]));

  test("no packet is lost when an agent is killed and started again", async () => {
    const flow = here!.flow(there!.address());
    await one!.restartAgent();
    const { sent, lost } = await flow.stop();
    expect(sent).toBeGreaterThan(50);
    expect(lost).toBe(0);
  });

  test("without a way to the control plane data goes on, and attaches go on from blocks", async () => {
    const flow = here!.flow(there!.address());
    await one!.cutControl();
    const more = await one!.attach("blue");
    expect(await more.reaches(here!.address())).toBe(true);
    await one!.healControl();
    const isKnown = () => more.reaches(there!.address());
    await eventually("the other host knows the new one", isKnown, patient(20_000));
    await more.detach();
    expect((await flow.stop()).lost).toBe(0);
  });

  test("what a stranger on the fabric says in a segment is not heard there", async () => {
    const { vni } = (await cluster.find("Network", "blue"))!.status;
    const header = `08000000${vni.toString(16).padStart(6, "0")}00${"ff".repeat(6)}0200000000090800`;
    // To UDP 7777, from nobody.
    const inside = "4500001c00000000401100000a5000fa0a5000fb1e611e6100080000";
    const program = `import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(bytes.fromhex("${header}${inside}"), ("${one!.addresses[0]}", 4789))`;
    const heard = async () => {
      const wire = { netns: here!.netns, link: "eth0", filter: "udp port 7777" };
      const say = () => shell(`python3 -c '${program}'`, { netns: cluster.fabric.router });
      return (await capture(wire, say)).lines.length;
    };
    await eventually("it is kept out", async () => (await heard()) === 0, patient(30_000));
    // Else it would be.
    const tables = await one!.shell("nft list tables inet");
    await one!.killAgent();
    await one!.shell(`nft delete table inet ${/netloom_\w+_vxlan/.exec(tables)![0]}`);
    expect(await heard()).toBe(1);
    const flow = here!.flow(there!.address());
    await one!.startAgent();
    await eventually("it is kept out again", async () => (await heard()) === 0, patient(30_000));
    expect((await flow.stop()).lost).toBe(0);
  });

  test("hosts that were apart hear each other again", async () => {
    await one!.part(two!);
    expect(await here!.reaches(there!.address())).toBe(false);
    await one!.rejoin(two!);
    await eventually("they do", () => here!.reaches(there!.address()), patient(10_000));
  });

  test("what an outside hand takes of a segment is back soon", async () => {
    const folders = await one!.shell(`find ${one!.world.host.dir} -path '*overlays*' -name netns`);
    const [netns, ...more] = folders.trim().split("\n");
    expect(more).toEqual([]);
    const { vni } = (await cluster.find("Network", "blue"))!.status;
    await one!.shell(`nsenter --net=${netns} ip link del nlx-${vni}`);
    await eventually("it is back", () => here!.reaches(there!.address()), patient(20_000));
    await one!.shell(`nsenter --net=${netns} ip neigh flush all nud permanent`);
    await eventually("they are back", () => here!.reaches(there!.address(6)), patient(40_000));
  });
});

test("a port that moves keeps its addresses, and is reached again in less than a second", async () => {
  await cluster.network("cyan", { type: "overlay" }, ...subnets);
  await cluster.create("Port", "web", { network: "cyan" });
  const from = await one!.attach("cyan");
  const old = await two!.attach("cyan", { port: "web" });
  const before = { addresses: old.addresses, mac: old.mac };
  const flow = from.flow(old.address());
  await old.detach();
  const moved = await cluster.hosts[2]!.attach("cyan", { port: "web" });
  expect({ addresses: moved.addresses, mac: moved.mac }).toEqual(before);
  const begun = performance.now();
  await eventually("it is reached", () => from.reaches(moved.address()), patient(5_000));
  expect(performance.now() - begun).toBeLessThan(patient(2_000));
  await flow.stop();
  await removed("cyan", [from, moved]);
});

test("nothing of an overlay stays on a host that has no port on it any more", async () => {
  const left = () => one!.shell(`find ${one!.world.host.dir} -path '*overlays/*' -maxdepth 8`);
  await eventually("it is gone", async () => (await left()).trim() === "", patient(20_000));
  const tables = () => one!.shell("nft list tables");
  const isGone = async () => !(await tables()).includes("_vxlan");
  await eventually("what guarded it too", isGone, patient(30_000));
});
