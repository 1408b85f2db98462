/** Routed networks whose routes hosts, and the rack's router, tell each other by BGP. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import { lan } from "../support/test-host.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";

const subnets = [
  { cidr: "10.90.0.0/22", blockSize: 26 },
  { cidr: "fd90::/112", blockSize: 122 },
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

describe("a mesh of four hosts", () => {
  let cluster: FabricCluster;
  beforeAll(async () => {
    cluster = await FabricCluster.start({ hosts: 4 });
  }, patient(120_000));
  afterAll(() => cluster?.remove());

  test("all pairs reach each other", async () => {
    await cluster.network("mesh", { type: "routed", backend: "bgp" }, ...subnets);
    const boxes = await cluster.attachEverywhere("mesh");
    await allReached(boxes);
    const [from, to] = boxes as [Box, Box];
    expect(await from.mtu()).toBe(1500);
    expect(await from.passes(to.address(), 1500)).toBe(true);
    for (const address of [lan.internet4, lan.internet6]) {
      expect([address, await from.reaches(address)]).toEqual([address, true]);
    }
    await removed(cluster, "mesh", boxes);
  });
});
