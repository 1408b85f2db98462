/** Two hosts with agents: one has a prefix of its own, the other blocks of the same subnet. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { attach, Cluster, type Member } from "./cluster.ts";
import { eventually } from "./world.ts";

let cluster: Cluster;
let one: Member;
let two: Member;

beforeAll(async () => {
  cluster = await Cluster.start(["h1", "h2"]);
  [one, two] = cluster.members as [Member, Member];
});

afterAll(() => cluster?.remove());

const prefixes = async (host: string, ...cidrs: string[]): Promise<void> => {
  await eventually(
    "the host is there",
    async () => (await cluster.find("Host", host)) !== undefined,
  );
  const all = cidrs.map((cidr) => ({ subnet: "default/plan", cidr }));
  await cluster.change("Host", host, { spec: { prefixes: all } });
};
const numberOf = (address: string) => Number(address.split(".")[3]);

test("each host's containers get addresses of its prefix, others of blocks beside, until it is full", async () => {
  await cluster.network("plan", { type: "bridge" }, { cidr: "10.84.0.0/27", blockSize: 30 });
  await prefixes("h1", "10.84.0.8/30", "10.84.0.16/30");
  const mine: Awaited<ReturnType<typeof attach>>[] = [];
  for (let i = 0; i < 8; i++) mine.push(await attach(one, "plan"));
  const own = [8, 9, 10, 11, 16, 17, 18, 19];
  expect(mine.map(({ address }) => numberOf(address)).sort((a, b) => a - b)).toEqual(own);
  const box = await one.world.host.addContainer();
  const list = one.world.list("plan", "plan");
  const { status, stdout } = await one.world.cni("add", "--json", list, box);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 11,
    msg: expect.stringContaining("10.84.0.8/30, 10.84.0.16/30, its own of subnet"),
  });
  const theirs: Awaited<ReturnType<typeof attach>>[] = [];
  for (let i = 0; i < 6; i++) theirs.push(await attach(two, "plan"));
  for (const { address } of theirs) expect(own).not.toContain(numberOf(address));
  const shown = await cluster.find("Host", "h1");
  expect(shown!.status.conditions).toContainEqual(
    expect.objectContaining({ type: "PrefixesSettled", status: "True" }),
  );
  for (const each of mine) await one.world.must("del", each.list, each.box);
  for (const each of theirs) await two.world.must("del", each.list, each.box);
}, 60_000);

test("a prefix that comes later moves what is attached anew, and no running container", async () => {
  const before = await attach(two, "plan");
  await prefixes("h2", "10.84.0.24/30");
  await eventually("it tells what is still in use", async () => {
    const host = await cluster.find("Host", "h2");
    return host?.status?.conditions?.some(
      (each: any) => each.type === "PrefixesSettled" && each.reason === "InUse",
    );
  });
  const after = await attach(two, "plan");
  expect([24, 25, 26, 27]).toContain(numberOf(after.address));
  await two.world.must("check", before.list, before.box);
  await two.world.must("del", before.list, before.box);
  await eventually("all is settled", async () => {
    const host = await cluster.find("Host", "h2");
    return host?.status?.conditions?.some(
      (each: any) => each.type === "PrefixesSettled" && each.reason === "Settled",
    );
  });
  await two.world.must("del", after.list, after.box);
}, 60_000);
