/** A host whose address on the fabric changes under traffic: what is lost, and what is left. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";
import type { Loss } from "./flow.ts";

let cluster: FabricCluster;
let [one, two, three]: FabricHost[] = [];
const networks: Readonly<Record<string, object>> = {
  seg: { type: "overlay" },
  wide: { type: "routed", backend: "vxlan" },
  plain: { type: "routed", backend: "host-gw" },
};
const boxes = new Map<string, Box[]>();

beforeAll(async () => {
  cluster = await FabricCluster.start({ hosts: 3 });
  [one, two, three] = cluster.hosts;
  for (const [i, [name, spec]] of Object.entries(networks).entries()) {
    await cluster.network(name, spec, { cidr: `10.74.${i}.0/24`, blockSize: 28 });
    boxes.set(name, await cluster.attachEverywhere(name));
  }
  for (const all of boxes.values()) {
    const isDone = async () => (await unreached(all)).length === 0;
    await eventually("all meet", isDone, patient(20_000));
  }
  // Who sends from an address that is not known is kept out from now on.
  for (const host of cluster.hosts) {
    const isGuarded = async () => (await host.shell("nft list ruleset")).includes("@hosts4 return");
    await eventually("strangers are kept out", isGuarded, patient(30_000));
  }
}, patient(120_000));
afterAll(() => cluster?.remove());

/** All that a host knows of others, in its own namespace and in those of its overlays. */
async function knownOn(host: FabricHost): Promise<string> {
  const folders = await host.shell(`find ${host.world.host.dir} -path '*overlays*' -name netns`);
  const look = "bridge fdb show; ip route; ip -d link; ip neigh show nud permanent";
  const texts = await Promise.all([
    host.shell(look),
    ...folders
      .trim()
      .split("\n")
      .map((netns) => host.shell(`nsenter --net=${netns} sh -c '${look}'`)),
  ]);
  return texts.join("\n");
}

/** From the first host to the second in each network, and back. */
const flowsThere = () =>
  [...boxes].flatMap(([name, [from, to]]) => [
    { name: `${name} there`, flow: from!.flow(to!.address(), 20) },
    { name: `${name} back`, flow: to!.flow(from!.address(), 20) },
  ]);

async function stopped(flows: ReturnType<typeof flowsThere>): Promise<[string, Loss][]> {
  const all: [string, Loss][] = [];
  for (const { name, flow } of flows) all.push([name, await flow.stop()]);
  return all;
}

const told = (all: readonly [string, Loss][]) =>
  all.map(([name, { lost, sent }]) => `${name} ${lost}/${sent}`).join(", ");

test(
  "a host that has its new address beside the old one for a while loses little",
  async () => {
    const [old] = two!.addresses as [string];
    const next = "198.18.0.77";
    const flows = flowsThere();
    const { link } = two!.port;
    // Else the kernel takes the second address of a subnet along with the first.
    await two!.shell(`echo 1 >/proc/sys/net/ipv4/conf/${link}/promote_secondaries`);
    await two!.shell(`ip addr add ${next}/24 dev ${link}`);
    await cluster.change("Host", two!.name, { spec: { addresses: [next] } });
    const isTold = ({ status }: { status?: any }) => status?.underlay?.[0]?.address === next;
    await cluster.holds("Host", two!.name, isTold);
    const isLeft = async () =>
      [await knownOn(one!), await knownOn(three!)].some((text) => text.includes(`${old} `));
    await eventually("old entries are gone", async () => !(await isLeft()), patient(20_000));
    const own = async () => (await knownOn(two!)).includes(`local ${old}`);
    await eventually("its own devices too", async () => !(await own()), patient(20_000));
    await two!.shell(`ip addr del ${old}/24 dev ${link}`);
    await Bun.sleep(1000);
    const losses = await stopped(flows);
    console.log(`measured: renumbered with both addresses for a while, lost ${told(losses)}`);
    for (const [, { sent, longestGapMs }] of losses) {
      expect(sent).toBeGreaterThan(50);
      expect(longestGapMs).toBeLessThan(patient(5_000));
    }
    for (const all of boxes.values()) expect(await unreached(all)).toEqual([]);
  },
  patient(120_000),
);

test(
  "a host whose address is another all at once is reached again soon",
  async () => {
    const old = "198.18.0.77";
    const next = "198.18.0.78";
    const { link, gateways } = two!.port;
    await cluster.change("Host", two!.name, { spec: { addresses: null } });
    const flows = flowsThere();
    const begunMs = performance.now();
    await two!.shell(
      `ip addr add ${next}/24 dev ${link}; ip addr del ${old}/24 dev ${link}
     ip route replace default via ${gateways[0]} dev ${link}`,
    );
    const isWhole = async () => {
      for (const all of boxes.values()) if ((await unreached(all)).length > 0) return false;
      return true;
    };
    await eventually("all meet again", isWhole, patient(30_000));
    const tookMs = performance.now() - begunMs;
    const losses = await stopped(flows);
    console.log(`measured: renumbered at once, ${tookMs.toFixed(0)} ms, lost ${told(losses)}`);
    for (const [, { longestGapMs }] of losses) expect(longestGapMs).toBeLessThan(patient(6_000));
    const isLeft = async () =>
      [await knownOn(one!), await knownOn(three!)].some((text) => text.includes(`${old} `));
    await eventually("old entries are gone", async () => !(await isLeft()), patient(20_000));
  },
  patient(120_000),
);
