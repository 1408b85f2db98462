/** Hosts that have no free block get single addresses out of another's, and give them back. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { attach, Cluster, type Member } from "./cluster.ts";
import { eventually } from "./world.ts";

let cluster: Cluster;
let one: Member;
let two: Member;

beforeAll(async () => {
  cluster = await Cluster.start(["h1", "h2"]);
  [one, two] = cluster.members as [Member, Member];
  // Two blocks with one and three addresses to give.
  await cluster.network("tiny", { type: "bridge" }, { cidr: "10.83.0.0/29", blockSize: 30 });
});

afterAll(() => cluster?.remove());

const held = async (): Promise<string[]> =>
  (await cluster.all("IPBlock")).flatMap(({ status }) =>
    Object.keys(status?.allocation?.held ?? {}),
  );
const blocksOf = async (host: string): Promise<string[]> =>
  (await cluster.all("IPBlock")).flatMap(({ spec }) => (spec.host === host ? [spec.cidr] : []));

test("a host without a block gets an address of another's, which is free again after", async () => {
  const first = await attach(one, "tiny");
  await eventually("the first host has both blocks", async () => {
    return (await blocksOf("h1")).length === 2;
  });
  const borrowed = await attach(two, "tiny");
  expect(await blocksOf("h2")).toEqual([]);
  expect(borrowed.address).not.toBe(first.address);
  expect(borrowed.address).toMatch(/^10\.83\.0\.[3-6]$/);
  const ports = await cluster.all("Port");
  const port = ports.find(({ status }) => status?.addresses?.[0]?.address === borrowed.address)!;
  expect(port.status.addresses).toEqual([
    { address: borrowed.address, subnet: "tiny", claimed: true },
  ]);
  await eventually("it is told attached", async () => {
    const { status } = (await cluster.find("Port", port.metadata.name))!;
    return status.attachment !== undefined && status.wantedAddresses === undefined;
  });
  expect((await held()).sort()).toEqual([first.address, borrowed.address].sort());
  await two.world.must("check", borrowed.list, borrowed.box);
  await two.world.must("del", borrowed.list, borrowed.box);
  await eventually("it is given back", async () => (await held()).join() === first.address);
  await one.world.must("del", first.list, first.box);
});

test("the last address is lent, the next caller is told to try again, and has it once it is free", async () => {
  const all: ({ readonly member: Member } & Awaited<ReturnType<typeof attach>>)[] = [];
  for (const member of [one, two, one, two])
    all.push({ member, ...(await attach(member, "tiny")) });
  expect(all.map(({ address }) => address).sort()).toEqual(
    [3, 4, 5, 6].map((last) => `10.83.0.${last}`),
  );
  const box = await two.world.host.addContainer();
  const { status, stdout } = await two.world.cni("add", "--json", all[1]!.list, box);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 11,
    msg: expect.stringContaining('No address to be had of subnet "default/tiny"'),
  });
  const { member, list, box: ended, address } = all.shift()!;
  await member.world.must("del", list, ended);
  await eventually("it has the address", async () => {
    const again = await two.world.cni("add", "--json", all[0]!.list, box);
    return again.status === 0 && JSON.parse(again.stdout).ips[0].address === `${address}/29`;
  });
  await two.world.must("del", all[0]!.list, box);
  for (const each of all) await each.member.world.must("del", each.list, each.box);
  await eventually("all are free", async () => (await held()).length === 0);
  expect(await cluster.all("Port")).toEqual([]);
}, 30_000);

test("a declared port has the address that it asks for, though it is of another host's block", async () => {
  const first = await attach(one, "tiny");
  await eventually("the first host has a block", async () => (await blocksOf("h1")).length > 0);
  const taken = Number(first.address.split(".")[3]);
  const address = `10.83.0.${taken === 6 ? 5 : 6}`;
  await cluster.create("Port", "fixed", { network: "tiny", host: "h2", fixedIps: [{ address }] });
  const { list, box, ...given } = await attach(two, "tiny", { port: "fixed" });
  expect(given.address).toBe(address);
  await two.world.must("del", list, box);
  await cluster.delete("Port", "fixed");
  await one.world.must("del", first.list, first.box);
  await eventually("all are free", async () => (await held()).length === 0);
});

test("what a later subnet needs for itself is no port's, though its port was there first", async () => {
  await cluster.create("Network", "late", { type: "bridge" });
  const wishes = { a: "10.84.9.1", b: "10.84.9.0", c: "10.84.9.2", d: "10.84.9.255" };
  for (const [name, address] of Object.entries(wishes)) {
    const host = name < "c" ? {} : { host: "h1" };
    await cluster.create("Port", name, { network: "late", ...host, fixedIps: [{ address }] });
  }
  await cluster.create("Subnet", "late", { network: "late", cidr: "10.84.9.0/24" });
  const first = await attach(one, "late");
  for (const [port, address] of Object.entries(wishes)) {
    const list = one.world.list(`late-${port}`, "late", { args: { cni: { port } } });
    const box = await one.world.host.addContainer();
    const { status, stdout } = await one.world.cni("add", "--json", list, box);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).msg).toContain(`${address} is the `);
    expect((await cluster.find("Port", port))!.status?.addresses ?? []).toEqual([]);
    await cluster.delete("Port", port);
  }
  expect(await held()).toEqual([first.address]);
  await one.world.must("del", first.list, first.box);
  await eventually("all are free", async () => (await held()).length === 0);
}, 30_000);

test("an attach whose port asks for another's address says who has it", async () => {
  await cluster.network("fixed", { type: "bridge" }, { cidr: "10.84.8.0/24" });
  const fixedIps = [{ address: "10.84.8.5" }];
  await cluster.create("Port", "x", { network: "fixed", fixedIps });
  await eventually("it has the address", async () => {
    return (await cluster.find("Port", "x"))?.status?.addresses?.length === 1;
  });
  await cluster.create("Port", "y", { network: "fixed", fixedIps });
  await cluster.create("Port", "z", { network: "fixed", host: "h2", fixedIps });
  for (const port of ["y", "z"]) {
    const list = two.world.list(`fixed-${port}`, "fixed", { args: { cni: { port } } });
    const box = await two.world.host.addContainer();
    const { stdout } = await two.world.cni("add", "--json", list, box);
    const msg = expect.stringContaining('is not to be had: port "default/x" has it');
    expect(JSON.parse(stdout)).toMatchObject({ code: 11, msg });
  }
  for (const port of ["x", "y", "z"]) await cluster.delete("Port", port);
  await eventually("all are free", async () => (await held()).length === 0);
}, 40_000);
