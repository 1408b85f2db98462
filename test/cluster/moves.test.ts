/**
 * A port that moves by its `spec.host` keeps addresses and hardware address: how long nobody
 * reaches it after its new attach. `NETLOOM_MOVES` says how often of each type, 7 unless set.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster } from "./cluster.ts";

const count = Number(process.env.NETLOOM_MOVES ?? 7);
const seed = Number(process.env.NETLOOM_SEED ?? 1);
/** Nothing that a busy machine could exceed; the figures are printed. */
const mostMs = patient(5_000);

let cluster: FabricCluster;
beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 4 });
}, patient(120_000));
afterAll(() => cluster?.remove());

/** Numbers that follow from the seed alone. */
function* numbers(): Generator<number> {
  for (let state = seed >>> 0; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state >>> 8;
  }
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;

/** Moves it away; gives how long it was not reached after its new attach, in ms. */
async function move(from: Box, old: Box, to: number): Promise<{ box: Box; outageMs: number }> {
  const [address] = old.addresses as [string];
  const host = cluster.hosts[to]!;
  const flow = from.flow(address);
  await cluster.change("Port", "web", { spec: { host: host.name } });
  await old.detach();
  const goneMs = Date.now();
  const box = await host.attach(from.host.name === "h1" ? network : "", { port: "web" });
  const attachedMs = Date.now();
  expect({ addresses: box.addresses, mac: isOverlay ? box.mac : "" }).toEqual({
    addresses: old.addresses,
    mac: isOverlay ? old.mac : "",
  });
  await eventually("it is reached", () => from.reaches(address), mostMs);
  const { answersMs } = await flow.stop();
  const first = answersMs.find((atMs) => atMs > goneMs);
  expect(first).toBeDefined();
  return { box, outageMs: Math.max(0, first! - attachedMs) };
}

let network = "";
let isOverlay = false;

test(
  "a container that is left on the old host does not answer for the port there",
  async () => {
    await cluster.network("left", { type: "overlay" }, { cidr: "10.76.0.0/24", blockSize: 28 });
    await cluster.create("Port", "two", { network: "left", host: "h2" });
    const [, h2, h3] = cluster.hosts;
    const old = await h2!.attach("left", { port: "two" });
    const beside = await h2!.attach("left");
    await eventually("they meet", () => beside.reaches(old.address()), patient(10_000));
    await cluster.change("Port", "two", { spec: { host: "h3" } });
    const box = await h3!.attach("left", { port: "two" });
    expect([box.address(), box.mac]).toEqual([old.address(), old.mac]);
    const isHeard = async () => {
      // As containers do that go on.
      await old.reaches(beside.address());
      let isReached = false;
      const work = async () => {
        isReached = await beside.reaches(box.address());
      };
      return (await h3!.capture("udp port 4789", work)).lines.length > 0 && isReached;
    };
    await eventually("its packets go to its new host", isHeard, patient(10_000));
    await old.detach();
    expect(await beside.reaches(box.address())).toBe(true);
    for (const each of [box, beside]) await each.detach();
    await cluster.delete("Port", "two");
    await cluster.delete("Network", "left", { cascade: true });
  },
  patient(60_000),
);

test.each([
  ["overlay", {}],
  ["routed", { backend: "vxlan" }],
  ["routed", { backend: "host-gw" }],
] as const)(
  "%s %j",
  async (type, spec) => {
    network = "backend" in spec ? spec.backend : type;
    isOverlay = type === "overlay";
    const subnets = [
      { cidr: "10.75.0.0/24", blockSize: 28 },
      { cidr: "fd75::/112", blockSize: 124 },
    ];
    await cluster.network(network, { type, ...spec }, ...subnets);
    await cluster.create("Port", "web", { network, host: "h2" });
    const from = await cluster.hosts[0]!.attach(network);
    // Others are there, so that the first packet to a host is no matter.
    const others = await Promise.all(cluster.hosts.slice(1).map((host) => host.attach(network)));
    let box = await cluster.hosts[1]!.attach(network, { port: "web" });
    const first = box.addresses;
    for (const other of [...others, box]) {
      await eventually("they meet", () => from.reaches(other.address()), patient(10_000));
    }
    const outages: number[] = [];
    const random = numbers();
    let at = 1;
    for (let i = 0; i < count; i++) {
      at = 1 + ((at - 1 + 1 + (random.next().value! % 2)) % 3);
      const moved = await move(from, box, at);
      box = moved.box;
      outages.push(moved.outageMs);
    }
    outages.sort((a, b) => a - b);
    const told = [0.5, 0.99].map((share) => quantile(outages, share).toFixed(0));
    console.log(
      `measured: ${network}, ${count} moves: not reached after the new attach ${told.join("/")} ms (p50/p99)`,
    );
    expect(outages.at(-1)).toBeLessThan(mostMs);
    expect(await from.reaches(box.address(6))).toBe(true);
    await box.detach();
    await cluster.delete("Port", "web");
    const held = async () => {
      const blocks = await cluster.all("IPBlock");
      return blocks.some(({ spec, status }) =>
        [...(spec.claims ?? []), ...Object.keys(status?.allocation?.held ?? {})].some(
          (one) => typeof one === "object" || first.includes(one),
        ),
      );
    };
    await eventually("its addresses are free", async () => !(await held()), patient(20_000));
    for (const other of [from, ...others]) await other.detach();
    await cluster.delete("Network", network, { cascade: true });
  },
  patient(60_000 + count * 10_000),
);
