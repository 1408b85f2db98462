/**
 * `make bench`: what networks that span hosts cost: two hosts on a fabric, iperf3 and pings from
 * container to container, as ratios of host to host through a bare pair on each, in the same run.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { eventually } from "../test/agent/world.ts";
import type { Box } from "../test/cluster/box.ts";
import { FabricCluster } from "../test/cluster/cluster.ts";
import type { FabricHost } from "../test/cluster/fabric-host.ts";
import { inside, run, systemPath } from "../test/support/run.ts";
import { inPrivateHost } from "./host.ts";
import { median } from "./statistics.ts";

/** What the others are compared with. */
const base = "through pairs";

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "3" },
  },
});
const seconds = Number(options.seconds);
const rounds = Number(options.rounds);

/** From one place to another. */
interface Path {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly address: string;
}
interface Figures {
  readonly one: number[];
  readonly eight: number[];
  readonly roundTripUs: number[];
}

/** What it is to be of bare host to host, one stream; absent: only told. */
const ways: readonly (readonly [string, object, number?])[] = [
  ["host-gw", { type: "routed", backend: "host-gw" }, 0.95],
  ["bgp", { type: "routed", backend: "bgp" }, 0.95],
  ["vxlan", { type: "routed", backend: "vxlan" }, 0.75],
  ["udp", { type: "routed", backend: "udp" }],
  ["overlay", { type: "overlay" }, 0.75],
];

async function gbits({ from, to, address }: Path, streams: number): Promise<number> {
  const quiet = { stdio: ["ignore", "ignore", "ignore"], env: { PATH: systemPath } } as const;
  const server = Bun.spawn(inside(["iperf3", "-s", "-1", "-B", address], to), quiet as never);
  try {
    await Bun.sleep(200);
    const argv = ["iperf3", "-J", "-c", address, "-t", String(seconds), "-P", String(streams)];
    const told = await run(argv, { netns: from, timeoutMs: 1000 * seconds + 20_000 });
    if (told.status !== 0) throw new Error(`iperf3 to ${address}: ${told.stdout}`);
    return JSON.parse(told.stdout).end.sum_received.bits_per_second / 1e9;
  } finally {
    server.kill("SIGKILL");
    await server.exited;
  }
}

/** The median of pings, each sent when the one before is answered. */
async function roundTripUs({ from, address }: Path): Promise<number> {
  const { stdout } = await run(["ping", "-n", "-A", "-c", "500", address], { netns: from });
  return 1000 * median([...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms)));
}

/** A container by hand: a pair, addresses, and the other host's route to it. */
async function bareBox({ world, addresses }: FabricHost, n: number): Promise<string> {
  const netns = await world.host.addContainer();
  await world.host.shell(`
    ip link add bare type veth peer name eth0 netns ${netns}
    ip addr add 10.99.${n}.1/24 dev bare; ip link set bare up
    ip netns exec ${netns} sh -ec 'ip addr add 10.99.${n}.2/24 dev eth0; ip link set eth0 up
      ip route add default via 10.99.${n}.1'
    echo 1 >/proc/sys/net/ipv4/ip_forward
    ip route add 10.99.${3 - n}.0/24 via ${addresses[0]!.replace(/\d+$/, String(13 - n))}`);
  return netns;
}

async function paths(cluster: FabricCluster): Promise<Path[]> {
  const [one, two] = cluster.hosts;
  const bare = { from: one!.netns, to: two!.netns, address: two!.addresses[0]! };
  const [from, to] = [await bareBox(one!, 1), await bareBox(two!, 2)];
  const found: Path[] = [
    { name: "host to host", ...bare },
    { name: base, from, to, address: "10.99.2.2" },
  ];
  for (const [i, [name, spec]] of ways.entries()) {
    // Routed networks share the hosts' routes, so each has a prefix of its own.
    await cluster.network(name, spec, { cidr: `10.${90 + i}.0.0/22`, blockSize: 26 });
    const [from, to] = (await cluster.attachEverywhere(name)) as [Box, Box];
    await eventually(`${name} passes`, () => from.reaches(to.address()), 20_000);
    found.push({ name, from: from.netns, to: to.netns, address: to.address() });
  }
  return found;
}

async function bench(): Promise<void> {
  const load = loadavg()[0]!.toFixed(1);
  console.log(`Between two hosts; ${cpus().length} processors, load ${load}`);
  const cluster = await FabricCluster.start({ hosts: 2 });
  try {
    const all = await paths(cluster);
    const figures = new Map(all.map(({ name }) => [name, { one: [], eight: [], roundTripUs: [] }]));
    for (let round = 0; round < rounds; round++) {
      for (const path of all) {
        const own: Figures = figures.get(path.name)!;
        own.one.push(await gbits(path, 1));
        own.eight.push(await gbits(path, 8));
        own.roundTripUs.push(await roundTripUs(path));
      }
    }
    report(figures);
  } finally {
    await cluster.remove();
  }
}

function report(figures: ReadonlyMap<string, Figures>): void {
  const bare = figures.get(base)!;
  for (const [name, own] of figures) {
    const ratio = (field: keyof Figures) => median(own[field]) / median(bare[field]);
    const goal = ways.find(([way]) => way === name)?.[2];
    const verdict =
      goal === undefined ? "" : `, >= ${goal} ${ratio("one") >= goal ? "pass" : "MISS"}`;
    const speed = (field: "one" | "eight") =>
      `${median(own[field]).toFixed(1)} Gbit/s (${ratio(field).toFixed(2)})`;
    const delay = `${median(own.roundTripUs).toFixed(0)} µs (${ratio("roundTripUs").toFixed(2)})`;
    console.log(
      `${name.padEnd(14)} one stream ${speed("one")}${verdict}; eight ${speed("eight")}; ` +
        `round trip ${delay}`,
    );
  }
}

if (inPrivateHost()) await bench();
