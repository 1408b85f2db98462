/** `make bench`: ours against the reference plugins, alternating, on a private host. */
import { existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { inPrivateHost, makeParents, withContainers } from "./host.ts";
import { table } from "./report.ts";
import { lanesAtOnce, measure } from "./series.ts";
import { startReport } from "./start.ts";
import { median, quantile } from "./statistics.ts";
import { type Contestant, parentName, workloads } from "./workloads.ts";

const root = new URL("..", import.meta.url).pathname;
const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    "parallel-rounds": { type: "string", default: "8" },
    only: { type: "string" },
    reference: { type: "string", default: `${root}.cache/reference/1.9.1` },
    ours: { type: "string", default: `${root}dist/cni` },
  },
});

const contestants = {
  reference: { name: "reference", pluginDir: options.reference, onePlugin: false, index: 0 },
  chain: { name: "netloom", pluginDir: options.ours, onePlugin: false, index: 1 },
  one: { name: "netloom, one", pluginDir: options.ours, onePlugin: true, index: 2 },
} satisfies Record<string, Contestant>;

if (inPrivateHost()) await bench();

async function bench() {
  for (const dir of [options.reference, options.ours]) {
    if (existsSync(`${dir}/bridge`)) continue;
    throw new Error(`Cannot find plugin "${dir}/bridge": run "make build" first`);
  }
  console.log(`Milliseconds a chain of plugin processes takes, on ${cpus().length} processors.`);
  console.log("cpu: user and system time; 8-way: eight at once, each: their wall time over eight;");
  console.log(
    "MiB: the largest process; ratio: over the reference, of median, cpu and 8-way (each).",
  );
  const load = loadavg()[0]!;
  if (load > cpus().length / 2) {
    console.log(`\nThe machine is busy (load ${load.toFixed(1)}): trust the ratios of cpu alone.`);
  }
  console.log(`\n${spawnCost()}`);
  console.log("\nSpawn to exit (median, p99)");
  console.log(startReport(options.ours, options.reference, 2 * Number(options.rounds)).join("\n"));
  const effort = {
    serialRounds: Number(options.rounds),
    parallelRounds: Number(options["parallel-rounds"]),
  };
  for (const workload of workloads) {
    if (options.only && !workload.name.includes(options.only)) continue;
    const { reference, chain, one } = contestants;
    const runners = workload.one ? [reference, chain, one] : [reference, chain];
    try {
      // Namespaces are fresh for each workload: no one inherits what another's failure left.
      makeParents(runners.map(({ index }) => parentName(index)));
      await withContainers(runners.length * lanesAtOnce, async (dir, lanes) => {
        const measured = await measure(workload, runners, { place: { dir, lanes }, effort });
        console.log(table(workload, measured, reference).join("\n"));
      });
    } catch (error) {
      console.log(`\n${workload.name}\nCannot measure: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
}

/** What every figure holds besides the plugin: the spawn of a process that does nothing. */
function spawnCost(): string {
  const series = Array.from({ length: 200 }, () => {
    const start = Bun.nanoseconds();
    Bun.spawnSync(["/bin/true"], { env: {}, stdin: Buffer.from("{}"), stdout: "pipe" });
    return (Bun.nanoseconds() - start) / 1e6;
  });
  const [middle, worst] = [median(series), quantile(series, 0.99)];
  return `Spawning /bin/true: median ${middle.toFixed(2)}, p99 ${worst.toFixed(2)} (in each process's figure)`;
}
