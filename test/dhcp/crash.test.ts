/** Plugin or daemon killed anywhere: no lease, link or record stays beyond what DEL or GC takes. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Point, pointsOf } from "../crash/points.ts";
import type { CniCommand } from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { type Finished, run } from "../support/run.ts";
import { type Beside, DhcpStage, macvlan, netnsPath, prefix, until } from "./stage.ts";

let stage: DhcpStage;
let server: Beside;
let container: string;

beforeEach(async () => {
  stage = await DhcpStage.create();
  const netns = await stage.addOther(`${prefix}.1/24`);
  server = await stage.server(netns, { server: `${prefix}.1`, pool: [`${prefix}.50`] });
  container = await stage.host.addContainer();
}, 60_000);
afterEach(() => stage?.host.remove());

// Probes would only make each of many calls longer.
const config = macvlan({ conflictDetection: "off" });
const calls = ["sendto", "sendmsg", "connect", "bind", "setns", "write", "pwrite64", "openat"];
const fileCalls = ["rename", "unlink", "link", "mkdir", "mkdirat", "unlinkat", "fsync", "flock"];

/** The plugin under strace with these options, as a runtime calls it. */
function traced(command: CniCommand, options: readonly string[]): Promise<Finished> {
  const plugin = join(ourDir(), "macvlan");
  return run(["strace", "-f", "-qq", "-s", "48", ...options, plugin], {
    netns: stage.host.netns,
    stdin: JSON.stringify(config),
    env: {
      ...stage.env,
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: netnsPath(container),
      CNI_IFNAME: "eth0",
      CNI_PATH: ourDir(),
    },
  });
}

async function pointsIn(command: CniCommand): Promise<Point[]> {
  const file = join(stage.host.dir, "trace");
  const finished = await traced(command, ["-o", file, "-e", `trace=${[...calls, ...fileCalls]}`]);
  expect(finished.stdout).not.toContain('"code"');
  return pointsOf(readFileSync(file, "utf8"));
}

function killedAt(command: CniCommand, { call, nth }: Point): Promise<Finished> {
  const inject = `inject=${call}:signal=SIGKILL:when=${nth}`;
  return traced(command, ["-o", "/dev/null", "-e", `trace=${call}`, "-e", inject]);
}

/** What is there that should not be. */
async function left(): Promise<string[]> {
  const links = await stage.host.shell("ip -o link", container);
  const files = (folder: string) => {
    const path = join(stage.host.dir, "state", folder);
    return existsSync(path) ? readdirSync(path) : [];
  };
  const held = await stage.leases();
  return [
    ...(links.includes("eth0") ? ["link"] : []),
    ...files("dhcp"),
    ...files("attachments"),
    ...held.map(({ lease }) => lease.ips[0].address),
  ];
}

const gone = { ...config, "cni.dev/valid-attachments": [] };
const recoveries: Readonly<Record<string, () => Promise<boolean>>> = {
  DEL: async () => (await stage.call("DEL", container, config)).ok,
  "ADD after DEL": async () => {
    const del = await stage.call("DEL", container, config);
    const add = await stage.call("ADD", container, config);
    const again = await stage.call("DEL", container, config);
    return del.ok && add.ok && again.ok;
  },
  GC: async () => (await stage.call("GC", "", gone)).ok,
};

for (const verb of ["ADD", "DEL"] as const) {
  test(`${verb}, killed at its calls of the kernel, the disk and the daemon, is cleaned up`, async () => {
    await stage.daemon();
    if (verb === "DEL") await stage.call("ADD", container, config);
    const points = await pointsIn(verb);
    if (verb === "ADD") await stage.call("DEL", container, config);
    expect(points.length).toBeGreaterThan(10);
    // Each second one, and the next run's share would be the others.
    const chosen = points.filter((_, i) => i % 2 === 0);
    const faults: string[] = [];
    let kills = 0;
    for (const [i, point] of chosen.entries()) {
      if (verb === "DEL") await stage.call("ADD", container, config);
      const { status } = await killedAt(verb, point);
      if (status === 128 + 9) kills++;
      const name = Object.keys(recoveries)[i % 3]!;
      const recovered = await recoveries[name]!();
      await until("the end of what was under way", async () => (await left()).length === 0, {
        patienceMs: 5000,
      }).catch(() => {});
      const rest = await left();
      if (!recovered || rest.length > 0) faults.push(`${point.text}, ${name}: ${rest.join(" ")}`);
      if (rest.length > 0) await stage.call("DEL", container, config);
    }
    expect(faults).toEqual([]);
    expect(kills).toBeGreaterThan(chosen.length / 2);
  }, 300_000);
}

test("a daemon killed in the middle of calls: ADD asks the next one, and DEL leaves nothing", async () => {
  for (let i = 0; i < 8; i++) {
    const adding = stage.call("ADD", container, macvlan());
    await Bun.sleep(20 + 40 * i);
    stage.killDaemon();
    const add = await adding;
    expect(add.stdout).toContain(`${prefix}.50/24`);
    const deleting = stage.call("DEL", container, macvlan());
    await Bun.sleep(5 * i);
    if (i % 2 === 1) stage.killDaemon();
    expect((await deleting).stdout).toBe("");
    expect(await left()).toEqual([]);
  }
  expect(server.events.length).toBeGreaterThan(16);
}, 120_000);
