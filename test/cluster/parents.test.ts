/** Networks on the hosts' own links, declared once, where each host's link has another name. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Feature, needs, onlyNeedy, worthRunning } from "../support/kernel-features.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";

const names = ["eth0", "enp3s0", "ens18f1", "lan"];
/** Some of the pools' first, so that a mistake would meet them. */
const reserved = ["198.18.0.64", "198.18.0.66"];
const subnets = [
  {
    cidr: "198.18.0.0/24",
    gateway: "198.18.0.1",
    allocationPools: [{ start: "198.18.0.64", end: "198.18.0.191" }],
    reserved,
    blockSize: 28,
  },
  {
    cidr: "2001:db8:18::/64",
    gateway: "2001:db8:18::1",
    allocationPools: [{ start: "2001:db8:18::1000", end: "2001:db8:18::1fff" }],
  },
];
/** In a VLAN there is nobody but containers. */
const inVlan = [{ cidr: "10.90.7.0/24", blockSize: 28 }, { cidr: "fd90:7::/64" }];

let cluster: FabricCluster;
beforeAll(async () => {
  const hosts = onlyNeedy ? 2 : names.length;
  cluster = await FabricCluster.start({ hosts, link: (host) => names[host]! });
}, patient(120_000));
afterAll(() => cluster?.remove());

const macs = () => Promise.all(cluster.hosts.map(async ({ world, port }) => macOf(world, port)));
const macOf = async ({ host }: any, { link }: { link: string }): Promise<string> =>
  JSON.parse(await host.shell(`ip -j link show ${link}`))[0].address;

interface Case {
  readonly what: string;
  readonly spec: (macs: readonly string[]) => object;
  readonly subnets?: readonly object[];
  readonly needs?: readonly Feature[];
}
const bySubnet = { parentSelector: { subnet: "198.18.0.0/16" } };
const cases: readonly Case[] = [
  { what: "macvlan, by a subnet", spec: () => ({ type: "macvlan", ...bySubnet }) },
  {
    what: "macvlan, by hardware addresses",
    spec: (all) => ({ type: "macvlan", parentSelector: { macs: all } }),
  },
  {
    what: "macvlan, by the default route",
    spec: () => ({ type: "macvlan", parentSelector: { defaultRoute: true } }),
  },
  { what: "ipvlan", spec: () => ({ type: "ipvlan", ...bySubnet }), needs: ["ipvlan"] },
  {
    what: "macvlan in a VLAN",
    spec: () => ({ type: "macvlan", ...bySubnet, vlan: 7 }),
    ...{ subnets: inVlan, needs: ["vlan"] },
  },
  {
    what: "vlan",
    // The kernel has one link a VLAN, so a host has one container.
    spec: () => ({ type: "vlan", ...bySubnet, vlan: 8 }),
    ...{ subnets: inVlan, needs: ["vlan"] },
  },
];

for (const [i, { what, spec, subnets: own = subnets, needs: wanted = [] }] of worthRunning(
  cases,
).entries()) {
  needs(...wanted).test(
    `each host has it on its own link: ${what}`,
    async () => {
      const name = `net${i}`;
      await cluster.network(name, spec(await macs()), ...own);
      const each = what === "vlan" ? 1 : 3;
      // At once on all hosts, several on each.
      const rounds = Array.from({ length: each }, () => cluster.attachEverywhere(name));
      const boxes: Box[] = (await Promise.all(rounds)).flat();
      const addresses = boxes.flatMap((box) => box.addresses);
      expect(addresses.length).toBe(2 * boxes.length);
      expect(new Set(addresses).size).toBe(addresses.length);
      const taken = [...reserved, ...cluster.hosts.flatMap((host) => host.addresses)];
      expect(addresses.filter((address) => taken.includes(address))).toEqual([]);
      expect(await unreached(boxes)).toEqual([]);
      for (const box of boxes) await box.detach();
      await cluster.delete("Network", name, { cascade: true });
    },
    120_000,
  );
}

test("a host without such a link says what was looked for and what there is", async () => {
  const selector = { subnet: "172.16.0.0/12" };
  await cluster.network("none", { type: "macvlan", parentSelector: selector }, subnets[0]!);
  const [host] = cluster.hosts;
  await expect(host!.attach("none")).rejects.toThrow(
    "spec.parentSelector: no link of this host has an address in 172.16.0.0/12. " +
      'There are: \\"eth0\\" with 198.18.0.11/24 and 2001:db8:18::11/64',
  );
  await cluster.delete("Network", "none", { cascade: true });
});

test("containers keep their link where another is meant by now, and it is told", async () => {
  const byAddress = (mac: string) => ({ parentSelector: { macs: [mac] } });
  const [host] = cluster.hosts;
  await host!.shell(
    "ip link add other address 02:00:00:00:00:77 type veth peer name far; ip link set other up",
  );
  await cluster.network(
    "moved",
    { type: "macvlan", ...byAddress((await macs())[0]!) },
    subnets[0]!,
  );
  await cluster.create("Port", "moved", { network: "moved" });
  const box = await host!.attach("moved", { port: "moved" });
  await cluster.change("Network", "moved", { spec: byAddress("02:00:00:00:00:77") });
  await cluster.holds("Port", "moved", ({ status }) =>
    status?.conditions?.some(
      ({ type, status, reason }: any) =>
        type === "Current" && status === "False" && reason === "NetworkChanged",
    ),
  );
  expect(await box.reaches("198.18.0.1")).toBe(true);
  await box.detach();
  await cluster.delete("Network", "moved", { cascade: true });
  await host!.shell("ip link del other");
});
