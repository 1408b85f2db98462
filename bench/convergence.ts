/**
 * `make bench`: an agent among a thousand hosts (in the store alone): how soon its kernel knows all
 * of them, how soon a change, and what memory that takes. One etcd, one server, all real.
 */
import { globSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { openStore } from "../src/control/store/open.ts";
import { eventually } from "../test/agent/world.ts";
import { FabricCluster } from "../test/cluster/cluster.ts";
import type { FabricHost } from "../test/cluster/fabric-host.ts";
import { fillWith } from "./control/fill.ts";
import { Changes } from "./convergence/changes.ts";
import { Entries, expectedOf, wipe } from "./convergence/entries.ts";
import { type Elsewhere, networks, objects, ownHost, underlay } from "./convergence/objects.ts";
import { inPrivateHost } from "./host.ts";
import { cpuMs, restOf, statusMiB } from "./proc.ts";
import { median, quantile } from "./statistics.ts";

const { values: options } = parseArgs({
  options: {
    hosts: { type: "string", default: "1000" },
    ports: { type: "string", default: "10000" },
    rounds: { type: "string", default: "3" },
    changes: { type: "string", default: "50" },
  },
});
const size: Elsewhere = { hosts: Number(options.hosts), ports: Number(options.ports) };
const rounds = Number(options.rounds);
const goals = { wholeMs: 2000, changeMs: 50 };

const say = (what: string, figure: string) => console.log(`${what.padEnd(52)} ${figure}`);
const verdict = (isMet: boolean) => (isMet ? "pass" : "MISS");

async function bench(): Promise<void> {
  const load = loadavg()[0]!.toFixed(1);
  console.log(
    `An agent among ${size.hosts} hosts with two blocks each of ${Object.keys(networks).length} ` +
      `networks, ${size.ports} ports; ${cpus().length} processors, load ${load}`,
  );
  const cluster = await FabricCluster.start({ hosts: 0, etcd: 1, fill });
  try {
    const server = cluster.servers.programs[0]!;
    // Until its reconcilers have looked at everything it answers late.
    await restOf(server.pid!);
    const host = await cluster.addHost();
    await host.shell(`ip addr add ${underlay.own}/${underlay.prefixLength} dev uplink`);
    const isTold = async () => {
      const known = (await cluster.find("Host", host.name))?.status?.underlay ?? [];
      return known.some(({ address }: { address: string }) => address === underlay.own);
    };
    await eventually("the host's address is told", isTold, 120_000);
    await restOf(server.pid!);
    await fromNothing(host, "routed, vxlan and host-gw", { overlay: undefined });
    await eventually("a container is attached", () => isAttached(host), 300_000);
    const [overlay] = globSync(`${host.world.host.dir}/run/instances/*/overlays/*/netns`);
    await fromNothing(host, "these and the overlay", { overlay });
    memory("the agent", host.world.agentPid!);
    await using changes = new Changes({ cluster, host, hosts: size.hosts, overlay: overlay! });
    const count = Number(options.changes);
    const store = await openStore(cluster.etcd!.url);
    try {
      for (const network of ["wrapped", "plain"] as const) {
        series(`a block of "${network}" moves`, await changes.blocks(store, network, count));
      }
    } finally {
      await store.close();
    }
    series('a port of "segment" moves', await changes.ports(count));
    memory("the agent", host.world.agentPid!);
    memory("the server", server.pid!);
  } finally {
    await cluster.remove();
  }
}

/** On a busy machine a block comes late, or the call is ended: then a runtime tries again. */
const isAttached = (host: FabricHost): Promise<boolean> =>
  host.attach("segment").then(
    () => true,
    (error: Error) => {
      if (/"code": (?!11\b)/.test(error.message)) throw error;
      return false;
    },
  );

async function fill(url: string): Promise<void> {
  const store = await openStore(url);
  try {
    await fillWith(store, objects(size));
  } finally {
    await store.close();
  }
}

/** An agent that knows nothing, in a kernel that knows nothing, until that knows everything. */
async function fromNothing(
  host: FabricHost,
  what: string,
  { overlay }: { readonly overlay: string | undefined },
): Promise<void> {
  const [whole, used]: [number[], number[]] = [[], []];
  const expected = expectedOf(size, overlay !== undefined);
  for (let round = 0; round < rounds; round++) {
    await host.killAgent();
    const { dir, netns } = host.world.host;
    forget(globSync(`${dir}/state/instances/*/spec/*`));
    await wipe(netns, overlay);
    await using entries = new Entries(netns, overlay);
    await host.startAgent();
    const pid = host.world.agentPid!;
    const lastAt = await entries.all(expected);
    const [control] = globSync(`${dir}/run/**/control-plane.json`);
    // Written when a server took its watch on, before the first line.
    whole.push(lastAt - statSync(control!).mtimeMs);
    used.push(cpuMs(pid));
    // What follows from it, reports and files, is none of the next round's.
    await Bun.sleep(3000);
  }
  const sum = expected.host + expected.overlay;
  const figures = `p50 ${median(whole).toFixed(0)} ms, longest ${Math.max(...whole).toFixed(0)} ms`;
  const goal = `<= ${goals.wholeMs} ${verdict(median(whole) <= goals.wholeMs)}`;
  say(`${what}: first line to last of ${sum} entries`, `${figures}, ${goal}`);
  say("  the agent's processor time since its start", `${median(used).toFixed(0)} ms`);
}

/** All but the host's own object, which names the address that others reach it by. */
function forget(files: readonly string[]): void {
  for (const path of files) {
    if (!readFileSync(path, "utf8").includes(`"kind":"Host","metadata":{"name":"${ownHost}"`)) {
      rmSync(path);
    }
  }
}

function series(what: string, ms: readonly number[]): void {
  const figures = `p50 ${median(ms).toFixed(1)} ms, p99 ${quantile(ms, 0.99).toFixed(1)} ms`;
  const isMet = median(ms) <= goals.changeMs;
  say(`${what}, until the kernel has it`, `${figures}, <= ${goals.changeMs} ${verdict(isMet)}`);
}

function memory(who: string, pid: number): void {
  const [now, most] = [statusMiB(pid, "VmRSS"), statusMiB(pid, "VmHWM")];
  say(`${who}'s memory; its largest`, `${now.toFixed(0)} MiB; ${most.toFixed(0)} MiB`);
}

if (inPrivateHost()) await bench();
