/** Backend `udp` of routed networks: changes under traffic, and what may befall its process. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";

let cluster: FabricCluster;
let [one, two]: Box[] = [];

beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 2 });
  const subnets = [
    { cidr: "10.90.0.0/22", blockSize: 26 },
    { cidr: "fd90::/112", blockSize: 122 },
  ];
  await cluster.network("live", { type: "routed", backend: "vxlan" }, ...subnets);
  [one, two] = await cluster.attachEverywhere("live");
  await bothReached();
}, patient(120_000));
afterAll(() => cluster?.remove());

async function bothReached(): Promise<void> {
  for (const address of two!.addresses) {
    await eventually(`${address} answers`, () => one!.reaches(address), patient(20_000));
  }
}

const links = async ({ world }: FabricHost): Promise<string> =>
  world.host.shell("ip -br link show type tun; ip -br link show type vxlan");

/** Of the tunnel of this host, if it runs. */
async function tunnelPid({ netns, world }: FabricHost): Promise<number | undefined> {
  const pids = await world.host.shell(`ip netns pids ${netns}`);
  for (const pid of pids.split("\n").filter(Boolean)) {
    const words = await Bun.file(`/proc/${pid}/cmdline`)
      .text()
      .catch(() => "");
    if (words.includes("udp-tunnel")) return Number(pid);
  }
  return undefined;
}

const alone = { udp: /^nlu-ipv4 .*\n$/, vxlan: /^nlx-.*\n$/, "host-gw": /^$/ } as const;

/** The links of the way before stay until nobody sends by it any more. */
async function changedOver(backend: keyof typeof alone): Promise<void> {
  const isThere = async () =>
    (await Promise.all(cluster.hosts.map(links))).every((text) => alone[backend].test(text));
  await eventually(`the links are those of ${backend} alone`, isThere, patient(20_000));
}

for (const [from, backend] of [
  ["VXLAN", "udp"],
  ["a tunnel", "host-gw"],
  ["plain routes", "udp"],
  ["a tunnel", "vxlan"],
] as const) {
  test(
    `from ${from} to ${backend} with less than a second's loss`,
    async () => {
      const begun = performance.now();
      const flows = two!.addresses.map((address) => one!.flow(address));
      await cluster.change("Network", "live", { spec: { backend } });
      await changedOver(backend);
      await Bun.sleep(Math.max(0, begun + 3000 - performance.now()));
      for (const flow of flows) {
        const { sent, longestGapMs } = await flow.stop();
        expect(sent).toBeGreaterThan(100);
        expect(longestGapMs).toBeLessThan(1000);
      }
      await bothReached();
    },
    patient(60_000),
  );
}

test("a tunnel's process that is killed comes again, and links and routes stay", async () => {
  await cluster.change("Network", "live", { spec: { backend: "udp" } });
  const host = cluster.hosts[0]!;
  await changedOver("udp");
  await bothReached();
  const flow = one!.flow(two!.address());
  const pid = (await tunnelPid(host))!;
  process.kill(pid, "SIGKILL");
  await eventually(
    "another runs",
    async () => ![pid, undefined].includes(await tunnelPid(host)),
    patient(10_000),
  );
  await bothReached();
  const { sent, lost } = await flow.stop();
  expect(lost).toBeGreaterThan(0);
  expect(lost).toBeLessThan(sent);
});

test("without an agent packets pass, and the next one's process takes over", async () => {
  const host = cluster.hosts[0]!;
  const routes = () => host.shell("ip route show dev nlu-ipv4; ip -6 route show dev nlu-ipv4");
  const before = await routes();
  expect(before.trim().split("\n")).toHaveLength(2);
  const pid = await tunnelPid(host);
  const away = one!.flow(two!.address());
  await host.killAgent();
  await Bun.sleep(1000);
  expect((await away.stop()).lost).toBe(0);
  expect(await tunnelPid(host)).toBe(pid!);
  const flow = one!.flow(two!.address());
  await host.startAgent();
  const isOther = async () => ![pid, undefined].includes(await tunnelPid(host));
  await eventually("another process carries", isOther, patient(10_000));
  await bothReached();
  expect((await flow.stop()).longestGapMs).toBeLessThan(500);
  expect(await routes()).toBe(before);
});

test("the last network takes process and link along", async () => {
  for (const box of [one!, two!]) await box.detach();
  await cluster.delete("Network", "live", { cascade: true });
  for (const host of cluster.hosts) {
    const isGone = async () => (await links(host)) === "" && !(await tunnelPid(host));
    await eventually("nothing is left", isGone, patient(20_000));
  }
});
