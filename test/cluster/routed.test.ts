/** Routed networks on four hosts, by each way that packets come from one to another. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { has } from "../support/kernel-features.ts";
import { patient } from "../support/patience.ts";
import { lan } from "../support/test-host.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";

const subnets = [
  { cidr: "10.90.0.0/22", blockSize: 26 },
  { cidr: "fd90::/112", blockSize: 122 },
];
interface Way {
  readonly name: string;
  readonly spec: object;
  readonly mtu: number;
  /** Of what goes over the fabric. */
  readonly wire: string;
}
const onOneSegment: Way[] = [
  { name: "host-gw", spec: { backend: "host-gw" }, mtu: 1500, wire: "icmp" },
  { name: "vxlan", spec: { backend: "vxlan" }, mtu: 1450, wire: "udp port 4789" },
  { name: "direct", spec: { directRouting: true }, mtu: 1450, wire: "icmp" },
  { name: "vxlan6", spec: { underlayProtocol: "ipv6" }, mtu: 1430, wire: "udp port 4789" },
  { name: "udp", spec: { backend: "udp" }, mtu: 1472, wire: "udp port 8285" },
  {
    name: "udp6",
    spec: { backend: "udp", underlayProtocol: "ipv6" },
    ...{ mtu: 1452, wire: "ip6 and udp port 8285" },
  },
];

async function allReached(boxes: readonly Box[]): Promise<void> {
  const isDone = async () => (await unreached(boxes)).length === 0;
  await eventually("all pairs reach each other", isDone, patient(20_000)).catch(async (error) => {
    throw new Error(`${error.message}: ${await unreached(boxes)}`);
  });
}

async function removed(cluster: FabricCluster, network: string, boxes: readonly Box[]) {
  for (const box of boxes) await box.detach();
  await cluster.delete("Network", network, { cascade: true });
}

describe("on one segment", () => {
  let cluster: FabricCluster;
  beforeAll(async () => {
    cluster = await FabricCluster.start({ hosts: 4 });
  }, patient(120_000));
  afterAll(() => cluster?.remove());

  test.each(onOneSegment)("all pairs reach each other by $name", async (way) => {
    const { name, spec, mtu, wire } = way;
    // Of its own: what one of these leaves when it fails is in no other's way.
    const net = 100 + onOneSegment.indexOf(way);
    await cluster.network(
      name,
      { type: "routed", ...spec },
      { cidr: `10.${net}.0.0/22`, blockSize: 26 },
      { cidr: `fd90:${net}::/112`, blockSize: 122 },
    );
    const boxes = await cluster.attachEverywhere(name);
    await allReached(boxes);
    const [from, to] = boxes as [Box, Box];
    // The control plane may tell of it after the attach.
    await eventually(
      "MTUs are the network's",
      async () => {
        const seen = await Promise.all(boxes.map((box) => box.mtu()));
        return seen.every((each) => each === mtu);
      },
      patient(20_000),
    );
    const heard = await cluster.hosts[0]!.capture(wire, async () => {
      expect(await from.passes(to.address(), mtu)).toBe(true);
      expect(await from.passes(to.address(), mtu + 1)).toBe(false);
    });
    expect(heard.lines.length).toBeGreaterThan(0);
    for (const address of [lan.internet4, lan.internet6]) {
      expect([address, await from.reaches(address)]).toEqual([address, true]);
    }
    await removed(cluster, name, boxes);
  });

  test("a live network's backend changes with less than a second's loss", async () => {
    await cluster.network("live", { type: "routed", backend: "vxlan" }, ...subnets);
    const [from, to] = (await cluster.attachEverywhere("live")) as [Box, Box];
    await eventually("they meet", () => from.reaches(to.address()), patient(10_000));
    const flow = from.flow(to.address());
    for (const backend of ["host-gw", "vxlan"]) {
      await cluster.change("Network", "live", { spec: { backend } });
      await Bun.sleep(1500);
    }
    const { sent, longestGapMs } = await flow.stop();
    expect(sent).toBeGreaterThan(200);
    expect(longestGapMs).toBeLessThan(1000);
    expect(await from.reaches(to.address())).toBe(true);
  });
});

// Where the kernel has it, test/cluster/routed-wireguard.test.ts runs.
if (!has("wireguard")) {
  test("a host whose kernel has no WireGuard says how to mend it at ADD", async () => {
    const cluster = await FabricCluster.start({ hosts: 1 });
    try {
      await cluster.network("blue", { type: "routed", backend: "wireguard" }, ...subnets);
      await expect(cluster.hosts[0]!.attach("blue")).rejects.toThrow(
        'Cannot attach to network \\"default/blue\\": its spec.backend is \\"wireguard\\". This ' +
          "kernel lacks wireguard (CONFIG_WIREGUARD): load the module (modprobe wireguard), or " +
          "boot a kernel that has it, or take another backend",
      );
    } finally {
      await cluster.remove();
    }
  });
}

describe("on two segments with a router", () => {
  let cluster: FabricCluster;
  beforeAll(async () => {
    cluster = await FabricCluster.start({ hosts: 4, segments: 2 });
  }, patient(120_000));
  afterAll(() => cluster?.remove());

  test("direct routing takes VXLAN to hosts behind the router", async () => {
    await cluster.network("mixed", { type: "routed", directRouting: true }, ...subnets);
    const boxes = await cluster.attachEverywhere("mixed");
    await allReached(boxes);
    // Hosts are on the segments in turn.
    const [one, two, three] = boxes as [Box, Box, Box];
    const wrapped = async (to: Box) =>
      (
        await one.host.capture("udp port 4789", async () => {
          expect(await one.reaches(to.address())).toBe(true);
        })
      ).lines.length > 0;
    expect([await wrapped(two), await wrapped(three)]).toEqual([true, false]);
    await removed(cluster, "mixed", boxes);
  });

  test("plain routes to a host behind a router are refused with the reason", async () => {
    // Prefixes of its own: one that had a way keeps it for 5 s, also for another network.
    await cluster.network(
      "plain",
      { type: "routed", backend: "host-gw" },
      { cidr: "10.91.0.0/22", blockSize: 26 },
      { cidr: "fd91::/112", blockSize: 122 },
    );
    const [one, two, three] = (await cluster.attachEverywhere("plain")) as [Box, Box, Box];
    await eventually("neighbours meet", () => one.reaches(three.address()), patient(10_000));
    expect(await one.reaches(two.address())).toBe(false);
    const isTold = ({ status }: { status?: any }) =>
      JSON.stringify(status?.conditions ?? []).includes("h2");
    await cluster.holds("Host", "h1", isTold);
  });
});
