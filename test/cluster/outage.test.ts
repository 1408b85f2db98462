/**
 * etcd is away, by power or by reset, for `NETLOOM_OUTAGE_SECONDS`, 6 unless set: data goes on,
 * attaches go on from blocks, and afterwards all hosts know all that came and went meanwhile.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";

const outageMs = 1000 * Number(process.env.NETLOOM_OUTAGE_SECONDS ?? 6);
const networks = ["seg", "wide"] as const;

let cluster: FabricCluster;
const boxes = {} as Record<(typeof networks)[number], Box[]>;

beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 3, etcd: 1, servers: 2 });
  const block = { blockSize: 28 };
  await cluster.network("seg", { type: "overlay" }, { cidr: "10.72.0.0/24", ...block });
  await cluster.network("wide", { type: "routed" }, { cidr: "10.73.0.0/24", ...block });
  for (const name of networks) {
    boxes[name] = await cluster.attachEverywhere(name);
    const isDone = async () => (await unreached(boxes[name])).length === 0;
    await eventually("all meet", isDone, patient(20_000));
  }
}, patient(120_000));
afterAll(() => cluster?.remove());

const notReady = async () =>
  (await cluster.all("Host")).filter(({ status }) =>
    status?.conditions?.some((one: any) => one.type === "Ready" && one.status !== "True"),
  );

test(
  "nothing is lost, and afterwards all know all",
  async () => {
    const flows = networks.map((name) => boxes[name][0]!.flow(boxes[name][1]!.address(), 20));
    await cluster.etcd!.kill(0);
    const begun = performance.now();
    const more: Box[] = [];
    for (const name of networks) {
      // One comes, and one goes.
      const box = await cluster.hosts[0]!.attach(name);
      expect(await box.reaches(boxes[name][0]!.address())).toBe(true);
      more.push(box);
      await boxes[name].pop()!.detach();
    }
    await Bun.sleep(Math.max(0, outageMs - (performance.now() - begun)));
    cluster.etcd!.run(0);
    await cluster.etcd!.healthy(0);
    // All heartbeats are old then, and nobody is taken for dead because of that.
    const wasReady = (await notReady().catch(() => [])).length === 0;
    for (const flow of flows) {
      const { sent, lost } = await flow.stop();
      expect(sent).toBeGreaterThan(outageMs / 40);
      expect(lost).toBe(0);
    }
    for (const [i, name] of networks.entries()) {
      const all = [...boxes[name], more[i]!];
      const isDone = async () => (await unreached(all)).length === 0;
      await eventually("all meet again", isDone, patient(30_000));
    }
    const count = async () =>
      (await cluster.all("Port").catch(() => [])).filter(({ status }) =>
        status?.bindings?.some(({ active }: any) => active),
      ).length;
    await eventually("the API knows all ports", async () => (await count()) === 6, patient(30_000));
    expect(wasReady).toBe(true);
    expect(await notReady()).toEqual([]);
  },
  patient(120_000) + outageMs,
);
