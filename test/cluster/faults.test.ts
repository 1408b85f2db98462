/** What may befall hosts of a cluster, with traffic running, two segments and a router between. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";

/** Containers of each segment's hosts, and a router that knows both networks. */
const networks = [0, 1].map((segment) => ({
  name: `lan${segment}`,
  subnet: {
    cidr: `198.18.${segment}.0/24`,
    gateway: `198.18.${segment}.1`,
    allocationPools: [{ start: `198.18.${segment}.64`, end: `198.18.${segment}.191` }],
    blockSize: 28,
  },
}));

let cluster: FabricCluster;
let [one, two]: FabricHost[] = [];
let [here, there]: Box[] = [];

beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 3, segments: 2, mtu: 1450, etcd: 1, servers: 2 });
  [one, two] = cluster.hosts;
  for (const { name, subnet } of networks) {
    await cluster.network(name, { type: "macvlan", parent: "uplink" }, subnet);
  }
  here = await one!.attach("lan0");
  there = await two!.attach("lan1");
}, patient(120_000));
afterAll(() => cluster?.remove());

test("packets pass the router, whole up to the fabric's MTU, and are heard on the way", async () => {
  const heard = await two!.capture(`icmp and src ${here!.address()}`, async () => {
    expect(await here!.passes(there!.address(), 1450)).toBe(true);
    expect(await here!.passes(there!.address(), 1451)).toBe(false);
  });
  expect(heard.lines.length).toBeGreaterThan(0);
  for (const line of heard.lines) expect(line).toContain("length 1464");
  expect(await here!.throughput(there!, { seconds: 1 })).toBeGreaterThan(0);
});

test("no packet is lost when an agent is killed and started again", async () => {
  const flow = here!.flow(there!.address());
  await one!.restartAgent();
  const { sent, lost } = await flow.stop();
  expect(sent).toBeGreaterThan(50);
  expect(lost).toBe(0);
});

test("a cable that leads nowhere is a gap, and then packets pass again", async () => {
  const flow = here!.flow(there!.address());
  await Bun.sleep(500);
  await two!.cut();
  await Bun.sleep(500);
  await two!.heal();
  await eventually("they pass", () => here!.reaches(there!.address()), patient(10_000));
  const { lost, longestGapMs, sent } = await flow.stop();
  expect(lost).toBeGreaterThan(10);
  expect(lost).toBeLessThan(sent);
  expect(longestGapMs).toBeGreaterThan(100);
});

test("without a way to the control plane, data goes on, and attaches go on from blocks", async () => {
  const flow = here!.flow(there!.address());
  await one!.cutControl();
  const more = await one!.attach("lan0");
  expect(await more.reaches(there!.address())).toBe(true);
  await more.detach();
  await one!.healControl();
  expect((await flow.stop()).lost).toBe(0);
});

test("hosts that are parted don't hear each other, others do", async () => {
  const third = cluster.hosts[2]!;
  const hears = async (from: FabricHost, to: FabricHost) =>
    (await from.world.host.run(["ping", "-c1", "-W1", to.addresses[0]!])).status === 0;
  await one!.part(third);
  expect([await hears(one!, third), await hears(two!, third)]).toEqual([false, true]);
  await one!.rejoin(third);
  expect(await hears(one!, third)).toBe(true);
});

test("etcd is down for a while: data goes on, and attaches go on from blocks", async () => {
  const flow = here!.flow(there!.address());
  await cluster.etcd!.kill(0);
  const more = await one!.attach("lan0");
  expect(await more.reaches(there!.address())).toBe(true);
  cluster.etcd!.run(0);
  await cluster.etcd!.healthy(0);
  expect((await flow.stop()).lost).toBe(0);
  const isTold = async () => (await cluster.all("Port").catch(() => [])).length === 3;
  await eventually("the new port is told of", isTold, patient(30_000));
  await more.detach();
});

test("a host that crashes is gone, and its files stay", async () => {
  const third = cluster.hosts[2]!;
  await third.crash();
  expect(await Bun.file(`${third.world.host.dir}/token`).exists()).toBe(true);
  const silent = await two!.world.host.run(["ping", "-c1", "-W1", third.addresses[0]!]);
  expect(silent.status).not.toBe(0);
});
