/** `make bench`: an agent with many ports: its memory, its passes, how fast changes are made. */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { instanceOf } from "../src/agent/run.ts";
import { instancePaths } from "../src/engine/paths.ts";
import { ResidentEngine } from "../src/engine/resident.ts";
import { deleteLink } from "../src/kernel/netlink/link.ts";
import { getLink } from "../src/kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../src/kernel/netlink/socket.ts";
import { host, network, type Plane, startPlane } from "./agent/plane.ts";
import { inPrivateHost, withContainers } from "./host.ts";
import { cpuMs, restOf, statusMiB } from "./proc.ts";
import { runBeside } from "./run-plugin.ts";
import { lanesAtOnce, measure } from "./series.ts";
import { median, quantile } from "./statistics.ts";
import { type Contestant, type Lane, workloads } from "./workloads.ts";

const root = new URL("..", import.meta.url).pathname;
const { values: options } = parseArgs({
  options: {
    ports: { type: "string", default: "1000" },
    "remote-ports": { type: "string", default: "10000" },
    changes: { type: "string", default: "50" },
    rounds: { type: "string", default: "40" },
    reference: { type: "string", default: `${root}.cache/reference/1.9.1` },
    ours: { type: "string", default: `${root}dist/cni` },
  },
});
const ports = Number(options.ports);
const changes = Number(options.changes);

const reference = {
  name: "reference",
  pluginDir: options.reference,
  onePlugin: false,
  index: 0,
} satisfies Contestant;
const inProcess = { name: "in process", pluginDir: options.ours, onePlugin: true, index: 1 };
const byAgent = { name: "agent", pluginDir: options.ours, onePlugin: true, index: 2 };
const contestants: readonly Contestant[] = [reference, inProcess, byAgent];

const say = (what: string, figure: string) => console.log(`${what.padEnd(52)} ${figure}`);
const verdict = (isMet: boolean) => (isMet ? "pass" : "MISS");
const figures = (series: readonly number[]) =>
  `p50 ${median(series).toFixed(1)} ms, p99 ${quantile(series, 0.99).toFixed(1)} ms`;

async function bench(): Promise<void> {
  console.log(
    `An agent with ${ports} ports; ${options["remote-ports"]} elsewhere; ` +
      `${cpus().length} processors, load ${loadavg()[0]!.toFixed(1)}`,
  );
  const own = contestants.length * lanesAtOnce;
  await withContainers(own + ports, async (dir, lanes) => {
    await using plane = await startPlane(
      `${dir}/${byAgent.index}`,
      Number(options["remote-ports"]),
    );
    await calls(plane, { dir, lanes: lanes.slice(0, own) });
    await attachAll(`${dir}/${byAgent.index}`, lanes.slice(own));
    await atRest(plane);
    await passes(plane);
    await changesMade(plane);
    memory(plane);
    await repairsMade(plane);
  });
}

/** Against the reference, while the agent has no other port. */
async function calls(plane: Plane, place: { dir: string; lanes: readonly Lane[] }): Promise<void> {
  const [plain] = workloads as [(typeof workloads)[number]];
  const workload = {
    ...plain,
    one: (site: Parameters<typeof plain.chain>[0]) =>
      site.contestant === byAgent
        ? { type: "netloom", network }
        : { ...plain.chain(site)[0]!, type: "netloom", driver: "bridge" },
  };
  const effort = { serialRounds: Number(options.rounds), parallelRounds: 0 };
  const before = cpuMs(plane.pid);
  const measured = await measure(workload, contestants, { place, effort });
  const ofAgent = (cpuMs(plane.pid) - before) / effort.serialRounds;
  for (const command of ["ADD", "DEL"] as const) {
    const base = median(measured.get(reference)![command].serialMs);
    for (const [contestant, series] of measured) {
      const { serialMs } = series[command];
      const cpu = `cpu ${median(series[command].cpuMs).toFixed(1)} ms`;
      const ratio = median(serialMs) / base;
      const isJudged = contestant === byAgent && command === "DEL";
      const goal = isJudged ? ` <= 0.50 ${verdict(ratio <= 0.5)}` : "";
      say(
        `${command}, ${contestant.name}`,
        `${figures(serialMs)}, ${cpu}, ratio ${ratio.toFixed(2)}${goal}`,
      );
    }
  }
  say("beside the plugin's: the agent's cpu, ADD and DEL", `${ofAgent.toFixed(1)} ms`);
  say("the agent's memory then", `${statusMiB(plane.pid, "VmRSS").toFixed(0)} MiB`);
}

async function attachAll(stateDir: string, lanes: readonly Lane[]): Promise<void> {
  const begun = performance.now();
  const waiting = [...lanes];
  let again = 0;
  const work = async () => {
    for (let lane = waiting.pop(); lane; lane = waiting.pop()) {
      const call = {
        executable: `${options.ours}/netloom`,
        command: "ADD" as const,
        ...{ containerId: lane.containerId, netns: lane.netns, ifName: "eth0" },
        ...{ pluginDir: options.ours, stateDir },
        config: { cniVersion: "1.0.0", name: "bench-many", type: "netloom", network },
      };
      try {
        await runBeside(call);
      } catch (error) {
        // As a runtime does where it is told to try later.
        if (!(error as Error).message.includes('"code": 11,') || ++again > lanes.length)
          throw error;
        waiting.push(lane);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  const eachMs = (performance.now() - begun) / lanes.length;
  say(
    `${lanes.length} ADDs, 8 at once`,
    `${eachMs.toFixed(1)} ms each, ${again} told to try later`,
  );
}

/** What it takes to look after ports that nobody touches. */
async function atRest({ pid }: Plane): Promise<void> {
  const spanMs = 20_000;
  // What it tells the API of new ports comes first.
  await restOf(pid);
  const used = cpuMs(pid);
  await Bun.sleep(spanMs);
  const perPass = (cpuMs(pid) - used) / (spanMs / 10_000);
  say("agent at rest: processor time of 10 s, a pass in it", `${perPass.toFixed(0)} ms`);
}

/** Passes by an engine like the agent's, which is held meanwhile. */
async function passes({ pid, stateDir, runDir }: Plane): Promise<void> {
  const directories = { stateDir, runDir };
  process.kill(pid, "SIGSTOP");
  try {
    await using engine = new ResidentEngine({
      paths: instancePaths(instanceOf(stateDir), directories),
    });
    const pass = async () => {
      const begun = performance.now();
      const { repaired, failed } = await engine.repairAll();
      return { ms: performance.now() - begun, repaired: repaired.length, failed: failed.length };
    };
    const first = await pass();
    const idle: number[] = [];
    for (let i = 0; i < 10; i++) idle.push((await pass()).ms);
    say("a full pass with nothing to do; the first", `${figures(idle)}; ${first.ms.toFixed(0)} ms`);
    const mended: number[] = [];
    using socket = new NetlinkSocket("route");
    for (const link of hostLinks(engine).slice(0, 10)) {
      socket.run([deleteLink({ name: link })]);
      const { ms, repaired } = await pass();
      if (repaired !== 1) throw new Error(`A pass repaired ${repaired} attachments, not 1`);
      mended.push(ms);
    }
    say("a full pass with one link deleted", figures(mended));
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

const hostLinks = (engine: ResidentEngine): string[] =>
  engine.records().flatMap(({ objects }) => {
    const link = objects.find(
      (object) => object.kind === "link" && object.life === "exclusive" && object.netns === "host",
    );
    return link?.kind === "link" ? [link.name] : [];
  });

/** From an outside hand's deed until the kernel has again what it took. */
async function repairsMade({ pid, stateDir, runDir }: Plane): Promise<void> {
  const directories = { stateDir, runDir };
  await using engine = new ResidentEngine({
    paths: instancePaths(instanceOf(stateDir), directories),
  });
  using socket = new NetlinkSocket("route");
  const links: number[] = [];
  for (const link of hostLinks(engine).slice(-10)) {
    const isBack = () => getLink(socket, { name: link }) !== undefined;
    links.push(await untilBack(() => socket.run([deleteLink({ name: link })]), isBack));
  }
  say("a link is deleted by hand, until it is back", seconds(links));
  // Those of plugins in process are nobody's here.
  const table = ["table", "inet", `netloom_${instanceOf(stateDir)}`];
  const ruleset = () => Bun.spawnSync(["nft", "-s", "list", ...table]).stdout.toString().length;
  const rules: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = ruleset();
    const flush = () => void Bun.spawnSync(["nft", "flush", "ruleset"]);
    rules.push(await untilBack(flush, () => ruleset() === before));
    await restOf(pid);
  }
  say("all rules are flushed, until they are back", seconds(rules));
}

async function untilBack(deed: () => void, isBack: () => boolean): Promise<number> {
  const begun = performance.now();
  deed();
  while (!isBack()) {
    if (performance.now() - begun > 60_000) throw new Error("What was taken is not back in 60 s");
    await Bun.sleep(1);
  }
  return performance.now() - begun;
}

const seconds = (series: readonly number[]) =>
  `${figures(series)}, <= 1000 ${verdict(Math.max(...series) <= 1000)}`;

/** From the request to the API until the kernel has it: taps of machines that come and go. */
async function changesMade(plane: Plane): Promise<void> {
  const [made, gone]: [number[], number[]] = [[], []];
  using socket = new NetlinkSocket("route");
  for (let i = 0; i < changes; i++) {
    const name = `bench-vm-${i}`;
    const tap = `bench-t${i}`;
    const timed = async (change: () => Promise<void>, isThere: boolean) => {
      const begun = performance.now();
      const end = begun + 20_000;
      const answered = change();
      while ((getLink(socket, { name: tap }) !== undefined) !== isThere) {
        if (performance.now() > end) throw new Error(`"${tap}" did not come or go in 20 s`);
        await Bun.sleep(1);
      }
      const ms = performance.now() - begun;
      await answered;
      return ms;
    };
    const spec = { network, type: "vm", host, tap: { name: tap } };
    const create = () => plane.create("ports", { kind: "Port", metadata: { name }, spec });
    made.push(await timed(create, true));
    gone.push(await timed(() => plane.remove("ports", name), false));
  }
  const isMet = median(made) <= 50;
  say("a port is declared, until its link is there", `${figures(made)}, <= 50 ${verdict(isMet)}`);
  say("a port is deleted, until its link is gone", figures(gone));
}

function memory({ pid }: Plane): void {
  const now = statusMiB(pid, "VmRSS");
  say("the agent's memory", `${now.toFixed(0)} MiB, <= 150 ${verdict(now <= 150)}`);
  say("its largest", `${statusMiB(pid, "VmHWM").toFixed(0)} MiB`);
}

if (inPrivateHost()) await bench();
