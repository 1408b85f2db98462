/** The harness itself, on networks that need nothing between hosts but the fabric's segment. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { patient } from "../support/patience.ts";
import { lan } from "../support/test-host.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";

/** Parts of the segment's own prefixes, where hosts, router and servers have theirs. */
const onSegment = [
  {
    cidr: "198.18.0.0/24",
    gateway: "198.18.0.1",
    allocationPools: [{ start: "198.18.0.64", end: "198.18.0.191" }],
    blockSize: 28,
  },
  {
    cidr: "2001:db8:18::/64",
    gateway: "2001:db8:18::1",
    allocationPools: [{ start: "2001:db8:18::1000", end: "2001:db8:18::1fff" }],
  },
];
const types = {
  macvlan: { type: "macvlan", parent: "uplink" },
  bridge: { type: "bridge", uplink: "uplink" },
};

let cluster: FabricCluster;
beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 4 });
}, patient(120_000));
afterAll(() => cluster?.remove());

for (const [name, spec] of Object.entries(types)) {
  test(`containers of type ${name} reach each other across hosts, and the world`, async () => {
    await cluster.network(name, spec, ...onSegment);
    const boxes = await cluster.attachEverywhere(name);
    const addresses = boxes.flatMap((box) => box.addresses);
    expect(new Set(addresses).size).toBe(8);
    expect(await unreached(boxes)).toEqual([]);
    const [one, two] = boxes as [Box, Box];
    for (const outside of [lan.internet4, lan.internet6]) {
      expect(await one.reaches(outside)).toBe(true);
    }
    for (const to of two.addresses) {
      expect([await one.passes(to, 1500), await one.passes(to, 1501)]).toEqual([true, false]);
    }
    for (const box of boxes) await box.detach();
    await cluster.delete("Network", name, { cascade: true });
  });
}
