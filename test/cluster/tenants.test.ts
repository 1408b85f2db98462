/**
 * Services of one tenant are not to be had from another: overlays with the same prefix, and routed
 * networks beside them, on the same hosts. Judged by the services' own logs and by what passes.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import { inside, run, systemPath } from "../support/run.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";
import { servicePort } from "./service.ts";

let cluster: FabricCluster;
const tenants: Record<"red" | "green", Box[]> = { red: [], green: [] };

beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 2 });
  for (const name of ["red", "green"] as const) {
    const subnets = [
      { cidr: "10.76.0.0/24", blockSize: 28 },
      { cidr: "fd76::/112", blockSize: 124 },
    ];
    await cluster.network(name, { type: "overlay" }, ...subnets);
    tenants[name] = await cluster.attachEverywhere(name);
    // Addresses that the other tenant has none of.
    if (name === "red") tenants.red.push(await cluster.hosts[1]!.attach("red"));
    const isDone = async () => (await unreached(tenants[name])).length === 0;
    await eventually("a tenant's meet", isDone, patient(20_000));
    for (const box of tenants[name]) serve(box, name);
  }
}, patient(120_000));
afterAll(() => cluster?.remove());

const script = resolve(import.meta.dir, "service.ts");

/** Answers with the tenant's name by TCP and UDP. */
function serve(box: Box, name: string): void {
  const argv = inside([process.execPath, script, "serve", name], box.netns);
  const child = Bun.spawn(argv, {
    stdio: ["ignore", "ignore", "ignore"],
    env: { PATH: systemPath },
  });
  box.host.world.host.beforeRemoval(() => child.kill("SIGKILL"));
}

/** Who answers there; empty: nobody. */
async function asked(from: Box, protocol: "TCP" | "UDP", address: string): Promise<string> {
  const argv = [process.execPath, script, "ask", protocol, address];
  return (await run(argv, { netns: from.netns })).stdout.trim();
}

describe.each(["TCP", "UDP"] as const)("%s", (protocol) => {
  test("an address that both have is each tenant's own service", async () => {
    for (const name of ["red", "green"] as const) {
      const [from, to] = tenants[name] as [Box, Box];
      for (const address of to.addresses) {
        const answers = () => asked(from, protocol, address).then((said) => said === name);
        await eventually(`${name} answers`, answers, patient(10_000));
      }
    }
  });

  test("one that only the other has is nobody's, and no packet of it crosses", async () => {
    const own = new Set(tenants.green.flatMap(({ addresses }) => addresses));
    const foreign = tenants.red.flatMap(({ addresses }) => addresses).filter((at) => !own.has(at));
    expect(foreign.length).toBeGreaterThan(1);
    const vni = (await cluster.find("Network", "red"))!.status.vni;
    const heard = await cluster.hosts[1]!.capture("udp port 4789", async () => {
      for (const address of foreign) {
        for (const from of tenants.green) {
          expect([address, await asked(from, protocol, address)]).toEqual([address, ""]);
        }
      }
    });
    const crossed = heard.lines.filter(
      (line) => line.includes(`vni ${vni}`) && line.includes(`.${servicePort}`),
    );
    expect(crossed).toEqual([]);
  });
});

test("a routed network's container reaches no tenant's service, nor they its", async () => {
  await cluster.network("wide", { type: "routed" }, { cidr: "10.77.0.0/24", blockSize: 28 });
  const wide = await cluster.attachEverywhere("wide");
  const isDone = async () => (await unreached(wide)).length === 0;
  await eventually("they meet", isDone, patient(20_000));
  for (const box of wide) serve(box, "wide");
  const [one, two] = wide as [Box, Box];
  const isServed = async () => (await asked(one, "TCP", two.address())) === "wide";
  await eventually("its own service answers", isServed, patient(10_000));
  for (const protocol of ["TCP", "UDP"] as const) {
    for (const box of [...tenants.red, ...tenants.green]) {
      expect(await asked(one, protocol, box.address())).toBe("");
      expect(await asked(box, protocol, two.address())).toBe("");
    }
  }
});
