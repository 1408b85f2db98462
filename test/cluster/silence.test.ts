/**
 * Hosts that the control plane does not hear: one that is cut off from it goes on, of one that
 * crashed its entries go, and its addresses are given to others after the time that was asked for.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";

const silentMs = 15_000;
const removedMs = 30_000;
/** Heartbeats come each 10 s; three rounds of echoes, and what a busy machine takes. */
const slackMs = patient(25_000);

let cluster: FabricCluster;
let [one, two, three, four]: FabricHost[] = [];
/** A container on each host. */
let [overlay, routed]: Box[][] = [];

beforeAll(async () => {
  const serverWords = ["--silent-after", "15s", "--remove-silent-after", "30s"];
  cluster = await FabricCluster.start({ hosts: 4, serverWords });
  [one, two, three, four] = cluster.hosts;
  await cluster.network("seg", { type: "overlay" }, { cidr: "10.70.0.0/24", blockSize: 28 });
  await cluster.network("wide", { type: "routed" }, { cidr: "10.71.0.0/24", blockSize: 28 });
  overlay = await cluster.attachEverywhere("seg");
  routed = await cluster.attachEverywhere("wide");
  for (const boxes of [overlay, routed]) {
    const isDone = async () => (await unreached(boxes)).length === 0;
    await eventually("all meet", isDone, patient(20_000));
  }
}, patient(120_000));
afterAll(() => cluster?.remove());

const readyOf = async (host: FabricHost) => {
  const { status } = (await cluster.find("Host", host.name)) ?? {};
  const conditions: { type: string; status: string }[] = status?.conditions ?? [];
  return conditions.find(({ type }) => type === "Ready")?.status;
};

/** What a host knows of another: entries of overlays and VXLAN devices, and routes there. */
async function entriesOf(host: FabricHost, other: FabricHost): Promise<string[]> {
  const folders = await host.shell(`find ${host.world.host.dir} -path '*overlays*' -name netns`);
  const inside = folders.trim().split("\n").filter(Boolean);
  const fdb = "bridge fdb show";
  const listings = await Promise.all([
    host.shell(fdb),
    ...inside.map((netns) => host.shell(`nsenter --net=${netns} ${fdb}`)),
  ]);
  return listings
    .flatMap((text) => text.split("\n"))
    .filter((line) => line.includes(`dst ${other.addresses[0]} `));
}

const routesTo = (host: FabricHost, address: string): Promise<string> =>
  host.shell(`ip route get ${address} 2>&1 || true`);

test(
  "a host that is cut off from the control plane is not ready, and loses no packet",
  async () => {
    const flows = [overlay, routed].flatMap((boxes) => {
      const [first, , third] = boxes as [Box, Box, Box];
      return [first.flow(third.address(), 20), third.flow(first.address(), 20)];
    });
    await three!.cutControl();
    const isSilent = async () => (await readyOf(three!)) === "False";
    await eventually("it is silent", isSilent, silentMs + slackMs);
    // Longer than it takes until one that does not answer is gone.
    await Bun.sleep(5_000);
    await three!.healControl();
    await eventually("it is heard", async () => (await readyOf(three!)) === "True", slackMs);
    for (const flow of flows) {
      const { sent, lost } = await flow.stop();
      expect(sent).toBeGreaterThan(100);
      expect(lost).toBe(0);
    }
  },
  patient(120_000),
);

test(
  "of a host that crashed all entries go, others lose nothing, and senders are told",
  async () => {
    expect((await entriesOf(one!, four!)).length).toBeGreaterThan(0);
    const lost = [overlay, routed].map((boxes) => boxes![0]!.flow(boxes![3]!.address(), 20));
    const kept = [overlay, routed].map((boxes) => boxes![0]!.flow(boxes![1]!.address(), 20));
    const begunMs = performance.now();
    await four!.crash();
    for (const host of [one!, two!, three!]) {
      const isGone = async () => (await entriesOf(host, four!)).length === 0;
      await eventually("its entries go", isGone, silentMs + slackMs);
    }
    const goneMs = performance.now() - begunMs;
    console.log(`entries of a crashed host went after ${(goneMs / 1000).toFixed(1)} s`);
    expect(goneMs).toBeGreaterThan(silentMs - 10_000 - 1000);
    for (const flow of lost) expect((await flow.stop()).lost).toBeGreaterThan(100);
    const [, , , gone] = routed as [Box, Box, Box, Box];
    expect(await routesTo(one!, gone.address())).toContain("No route to host");
    // Of one that sends many a second the kernel tells none after the first few: of another host.
    const told = await routed![1]!.shell(`ping -n -c3 -W2 ${gone.address()} || true`);
    expect(told).toContain("Unreachable");
    for (const flow of kept) expect((await flow.stop()).lost).toBe(0);
  },
  patient(120_000),
);

test(
  "its addresses are nobody else's until the time is over, and then given anew",
  async () => {
    const address = overlay![3]!.address();
    await cluster.create("Port", "heir", {
      ...{ network: "seg", host: two!.name },
      fixedIps: [{ address }],
    });
    const given = async () =>
      ((await cluster.find("Port", "heir"))?.status?.addresses ?? []).some((one: any) =>
        one.address.startsWith(address),
      );
    const isThere = async () => (await cluster.find("Host", four!.name)) !== undefined;
    const { status } = (await cluster.find("Host", four!.name))!;
    const silent = status.conditions.find((one: any) => one.type === "Ready");
    const dueMs = Date.parse(silent.lastTransitionTime) + removedMs;
    while (Date.now() < dueMs - 2_000) {
      expect([await isThere(), await given()]).toEqual([true, false]);
      await Bun.sleep(500);
    }
    await eventually("the host is removed", async () => !(await isThere()), slackMs);
    expect(Date.now()).toBeGreaterThanOrEqual(dueMs);
    await eventually("the address is given", given, slackMs);
    const heir = await two!.attach("seg", { port: "heir" });
    expect(heir.addresses).toEqual([address]);
    const isReached = () => overlay![0]!.reaches(address);
    await eventually("it is reached where it is now", isReached, patient(10_000));
  },
  patient(120_000),
);
