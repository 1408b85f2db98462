/** Pools by each of their selectors, by an agent: who gets their addresses, and nobody else. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { addressOf, Cluster, type Member } from "./cluster.ts";
import { eventually } from "./world.ts";

let cluster: Cluster;
let one: Member;
let two: Member;
const named = (name: string) => ({ matchLabels: { "kubernetes.io/metadata.name": name } });

/** Selector → whom it selects, and the first address of ten. */
const pools: readonly [name: string, spec: object, first: number][] = [
  ["tenants", { tenants: { matchLabels: { tier: "gold" } } }, 10],
  ["namespaces", { namespaces: named("b") }, 20],
  ["ports", { ports: { matchLabels: { app: "web" } } }, 30],
  ["hosts", { hosts: { matchLabels: { rack: "two" } } }, 40],
];

beforeAll(async () => {
  cluster = await Cluster.start(["h1", "h2"]);
  [one, two] = cluster.members as [Member, Member];
  for (const name of ["a", "b"]) await cluster.create("Namespace", name, {});
  const gold = { labels: { tier: "gold" } };
  await cluster.create("Tenant", "gold", { namespaceSelector: named("a") }, gold);
  await eventually("the second host is known", async () => !!(await cluster.find("Host", "h2")));
  await cluster.change("Host", "h2", { metadata: { labels: { rack: "two" } } });
  const spec = { type: "bridge", sharedWith: {} };
  await cluster.network("blue", spec, { cidr: "10.85.0.0/24" });
  for (const [name, selector, first] of pools) {
    const ranges = [{ start: `10.85.0.${first}`, end: `10.85.0.${first + 9}` }];
    await cluster.create("IPPool", name, { subnet: "default/blue", ranges, ...selector });
  }
  const web = { labels: { app: "web" } };
  await cluster.create("Port", "web", { network: "blue", host: "h1" }, web);
}, 30_000);

afterAll(() => cluster?.remove());

/** Attaches a container; gives the pool that its address is of. */
async function poolOf({ world }: Member, more: Record<string, unknown>): Promise<string> {
  const box = await world.host.addContainer();
  const list = world.list(`blue-${box}`, "default/blue", more);
  const address = addressOf(await world.must("add", list, box));
  await world.must("del", list, box);
  const last = Number(address.split(".")[3]);
  return pools.find(([, , first]) => first <= last && last < first + 10)?.[0] ?? "none";
}

test("who is selected gets an address of the pool, and who is not none of any", async () => {
  expect(await poolOf(one, {})).toBe("none");
  expect(await poolOf(one, { namespace: "a" })).toBe("tenants");
  expect(await poolOf(one, { namespace: "b" })).toBe("namespaces");
  expect(await poolOf(one, { args: { cni: { port: "web" } } })).toBe("ports");
  expect(await poolOf(two, {})).toBe("hosts");
}, 30_000);

test("a port can't help itself to an address that a pool keeps for others", async () => {
  const { world } = one;
  for (const [port, host, words] of [
    ["here", "h1", "10.85.0.31 of subnet"],
    ["anywhere", undefined, "its pool keeps it for others"],
    ["racked", undefined, "set the port's spec.host"],
  ] as const) {
    const fixedIps = [{ address: port === "racked" ? "10.85.0.41" : "10.85.0.31" }];
    await cluster.create("Port", port, { network: "blue", fixedIps, ...(host && { host }) });
    const told = async () => (await cluster.find("Port", port))!.status?.conditions ?? [];
    await eventually("its condition tells", async () =>
      (await told()).some(({ reason }: any) => reason === "KeptByPool"),
    );
    const box = await world.host.addContainer();
    const list = world.list(port, "blue", { args: { cni: { port } } });
    const { status, stdout } = await world.cni("add", "--json", list, box);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).msg).toContain(words);
    expect((await cluster.find("Port", port))!.status.addresses ?? []).toEqual([]);
  }
  await cluster.change("Port", "racked", { spec: { host: "h2" } });
  const box = await two.world.host.addContainer();
  const list = two.world.list("racked", "blue", { args: { cni: { port: "racked" } } });
  expect(addressOf(await two.world.must("add", list, box))).toBe("10.85.0.41");
  await two.world.must("del", list, box);
}, 60_000);
