/**
 * `make bench`: what networks that span hosts cost: two hosts on a fabric, iperf3 and pings from
 * container to container, as ratios of two other hosts that know nothing of us, with a bare pair
 * each and routes by hand, in the same run. And the same of two that follow connections as well,
 * as all do that masquerade.
 */
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { eventually } from "../test/agent/world.ts";
import type { Box } from "../test/cluster/box.ts";
import { FabricCluster } from "../test/cluster/cluster.ts";
import { inside, run, systemPath } from "../test/support/run.ts";
import { TestHost } from "../test/support/test-host.ts";
import { inPrivateHost } from "./host.ts";
import { median } from "./statistics.ts";

/** What the others are compared with. */
const base = "through pairs";
/** With what the kernel does for everybody who masquerades. */
const followed = "pairs, followed";

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

/** Two hosts on the fabric without an agent, a container on each by hand, and routes to it. */
async function bare(cluster: FabricCluster, first: number, prepare = ""): Promise<[Path, Path]> {
  const net = `10.${100 + first}`;
  const places = [first, first + 1].map((i) => cluster.fabric.port(i, "uplink"));
  const [one, two] = places.map(({ addresses }) => addresses[0]!.split("/")[0]!) as [
    string,
    string,
  ];
  const [hosts, boxes]: [string[], string[]] = [[], []];
  for (const [i, fabric] of places.entries()) {
    const host = await TestHost.create({ fabric });
    cluster.hosts[0]!.world.host.beforeRemoval(() => host.removeNow());
    const netns = await host.addContainer();
    await host.shell(`
      ip link add bare type veth peer name eth0 netns ${netns}
      ip addr add ${net}.${i}.1/24 dev bare; ip link set bare up
      ip netns exec ${netns} sh -ec 'ip addr add ${net}.${i}.2/24 dev eth0; ip link set eth0 up
        ip route add default via ${net}.${i}.1'
      echo 1 >/proc/sys/net/ipv4/ip_forward
      ip route add ${net}.${1 - i}.0/24 via ${i === 0 ? two : one}
      ${prepare}`);
    hosts.push(host.netns);
    boxes.push(netns);
  }
  return [
    { name: "host to host", from: hosts[0]!, to: hosts[1]!, address: two },
    { name: base, from: boxes[0]!, to: boxes[1]!, address: `${net}.1.2` },
  ];
}

/** The least that has the kernel follow connections. */
const following =
  "nft 'table inet bare { chain forward { type filter hook forward priority 0; " +
  "ct state established,related accept; }; }'";

async function paths(cluster: FabricCluster): Promise<Path[]> {
  const [, tracked] = await bare(cluster, 4, following);
  const found: Path[] = [...(await bare(cluster, 2)), { ...tracked, name: followed }];
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
  const [bare, tracked] = [figures.get(base)!, figures.get(followed)!];
  for (const [name, own] of figures) {
    const ratio = (field: keyof Figures, to = bare) => median(own[field]) / median(to[field]);
    const goal = ways.find(([way]) => way === name)?.[2];
    const verdict =
      goal === undefined ? "" : `, >= ${goal} ${ratio("one") >= goal ? "pass" : "MISS"}`;
    const speed = (field: "one" | "eight") =>
      `${median(own[field]).toFixed(1)} Gbit/s (${ratio(field).toFixed(2)})`;
    const delay = `${median(own.roundTripUs).toFixed(0)} µs (${ratio("roundTripUs").toFixed(2)})`;
    console.log(
      `${name.padEnd(15)} one stream ${speed("one")}${verdict}; eight ${speed("eight")}; ` +
        `round trip ${delay}; of "${followed}": ${ratio("one", tracked).toFixed(2)}`,
    );
  }
}

if (inPrivateHost()) await bench();
