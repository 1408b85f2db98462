/** The whole, while any of its processes is killed at any time: nothing is given twice or left. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { ipBlockKind } from "../../src/api/kinds/ip-block.ts";
import { networkKind } from "../../src/api/kinds/network.ts";
import { portKind } from "../../src/api/kinds/port.ts";
import { subnetKind } from "../../src/api/kinds/subnet.ts";
import { patient } from "../support/patience.ts";
import { generator } from "../support/random.ts";
import { Plane } from "./plane.ts";
import { Container, type Counts, Held } from "./workload.ts";

/** `NETLOOM_SEED` repeats who is killed when; `NETLOOM_CHAOS_SECONDS` makes it longer. */
const seed = Number(process.env.NETLOOM_SEED ?? Date.now() % 1_000_000);
const seconds = Number(process.env.NETLOOM_CHAOS_SECONDS ?? 20);
const lanesPerHost = 2;
const containersPerLane = 2;
/** All must be as it should within so long after the last process is back. */
const convergenceMs = patient(5_000);
const namespace = "default";
const network = "chaos";

let plane: Plane;
const held = new Held();
const lanes: Container[][] = [];
const counts: Counts = { attached: 0, putOff: 0, longestMs: 0 };

beforeAll(async () => {
  plane = await Plane.start(network);
  const apiVersion = "netloom.dev/v1alpha1";
  await plane.client.of(networkKind).create({
    ...{ apiVersion, kind: "Network", metadata: { name: network, namespace } },
    spec: { type: "bridge", gateway: true },
  } as never);
  await plane.client.of(subnetKind).create({
    ...{ apiVersion, kind: "Subnet", metadata: { name: network, namespace } },
    // Blocks so small that hosts borrow, return and are lent them all the time.
    spec: { network, cidr: "10.73.0.0/24", blockSize: 30 },
  } as never);
  for (const host of plane.hosts) {
    for (let lane = 0; lane < lanesPerHost; lane++) {
      const containers: Container[] = [];
      for (let i = 0; i < containersPerLane; i++) {
        containers.push(new Container(host, await host.host.addContainer()));
      }
      lanes.push(containers);
    }
    // Each host has its first blocks before anybody is killed.
    await lanes.at(-1)![0]!.attach(held, counts);
  }
}, 120_000);

afterAll(() => plane?.remove());

const told = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: Error) => {
    throw new Error(
      `${error.message}\n${JSON.stringify(counts)}\nseed ${seed}; killed: ${kills.join(", ")}\n${plane.logs()}`,
    );
  });
const kills: string[] = [];

/** Kills one of the eight at random and starts it again, until time is up. */
async function killAll(isOver: () => boolean): Promise<void> {
  const random = generator(seed);
  let ready = Promise.resolve();
  while (!isOver()) {
    await Bun.sleep(200 + random() * 1300);
    const victim = plane.victims[Math.floor(random() * plane.victims.length)]!;
    if (victim.ready) await ready;
    kills.push(victim.name);
    await victim.kill();
    await Bun.sleep(random() * 1000);
    victim.start();
    if (victim.ready) ready = victim.ready();
  }
  await ready;
}

async function comeAndGo(containers: readonly Container[], lane: number, isOver: () => boolean) {
  const random = generator(seed + 1 + lane);
  while (!isOver()) {
    const container = containers[Math.floor(random() * containers.length)]!;
    if (container.isAttached) await container.detach(held);
    else await container.attach(held, counts);
    await Bun.sleep(random() * 300);
  }
}

test(
  `attaches succeed or are put off for a short time while processes are killed (seed ${seed})`,
  async () => {
    const end = performance.now() + seconds * 1000;
    let failed = false;
    const isOver = () => failed || performance.now() > end;
    const work = lanes.map((containers, lane) => comeAndGo(containers, lane, isOver));
    const all = [killAll(isOver), ...work].map((each) =>
      each.catch((error) => {
        failed = true;
        throw error;
      }),
    );
    const ended = await Promise.allSettled(all);
    const failures = ended.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    if (failures.length > 0) await told(Promise.reject(failures[0]));
    expect(kills.length).toBeGreaterThan(seconds / 4);
    if (plane.ownEnds.length > 0) await told(Promise.reject(new Error(`${plane.ownEnds}`)));
    expect(counts.attached).toBeGreaterThan(seconds / 4);
    console.log(JSON.stringify({ seed, kills: kills.length, ...counts }));
  },
  seconds * 1000 + 120_000,
);

test("soon after, all servers know what runs, and no more", async () => {
  for (const container of lanes.flat()) {
    if (!container.isAttached) await told(container.detach(held));
  }
  await told(
    converged(
      async (client) =>
        (await client.of(portKind).list({ namespace })).items
          .flatMap(({ metadata, status }) =>
            (status?.addresses ?? []).map(
              ({ address }) =>
                `${address} ${metadata.name.replace(/-[0-9a-f]{8}-[0-9a-f]{8}$/, "")}`,
            ),
          )
          .sort(),
      held.all,
    ),
  );
  for (const container of lanes.flat()) {
    if (container.isAttached) expect(await container.reaches("10.73.0.1")).toBe(true);
  }
}, 60_000);

test("and once all is detached nothing is left", async () => {
  for (const container of lanes.flat()) await told(container.detach(held));
  await told(
    converged(
      async (client) => (await client.of(portKind).list({ namespace })).items.map(nameOf),
      [],
    ),
  );
  await told(
    converged(
      async (client) =>
        (await client.of(ipBlockKind).list()).items.flatMap(({ metadata, status }) =>
          Object.keys((status?.allocation as any)?.held ?? {}).map(
            (at) => `${metadata.name} ${at}`,
          ),
        ),
      [],
    ),
  );
  for (const { host } of plane.hosts) {
    expect(await host.shell("ip -br link")).not.toMatch(/^n[0-9a-f]{14}/m);
    expect(await host.shell("nft list ruleset")).not.toContain("elements = {");
    const state = `${host.dir}/state/instances`;
    for (const instance of readdirSync(state)) {
      for (const folder of ["attachments", "ports"]) {
        const path = `${state}/${instance}/${folder}`;
        expect(existsSync(path) ? readdirSync(path) : []).toEqual([]);
      }
    }
  }
}, 60_000);

const nameOf = ({ metadata }: { readonly metadata: { readonly name: string } }) => metadata.name;

/** All servers tell what is expected, in time. */
async function converged(
  look: (client: Plane["client"]) => Promise<string[]>,
  expected: readonly string[],
): Promise<void> {
  const end = performance.now() + convergenceMs;
  for (;;) {
    const seen = await Promise.all(
      plane.clients.map((client) => look(client).catch((error) => [String(error)])),
    );
    if (seen.every((each) => each.join() === expected.join())) return;
    if (performance.now() > end) {
      throw new Error(`Not as expected in time: ${JSON.stringify({ expected, seen })}`);
    }
    await Bun.sleep(50);
  }
}
