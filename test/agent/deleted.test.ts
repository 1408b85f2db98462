/** Ports, networks and hosts are deleted under running containers: no address goes to another. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { overAnnotation } from "../../src/api/kinds/host.ts";
import { attach, Cluster, type Member } from "./cluster.ts";
import { eventually } from "./world.ts";

let cluster: Cluster;
let one: Member;
let two: Member;

beforeAll(async () => {
  cluster = await Cluster.start(["h1", "h2"]);
  [one, two] = cluster.members as [Member, Member];
  await cluster.network("blue", { type: "bridge" }, { cidr: "10.81.0.0/24" });
});

afterAll(() => cluster?.remove());

const linksIn = async ({ world }: Member, box: string): Promise<any[]> =>
  JSON.parse(await world.host.shell("ip -j link show type veth", box));
const activeOn = async (name: string): Promise<string[]> =>
  ((await cluster.find("Port", name))?.status?.bindings ?? []).flatMap(({ host, active }: any) =>
    active ? [host] : [],
  );
const goesTo = (what: string, name: string) =>
  eventually(what, async () => (await cluster.find("Port", name)) === undefined);

test("a port that is deleted under its container takes it along, and then its address is free", async () => {
  await cluster.create("Port", "web", { network: "blue" });
  const { box, list, address } = await attach(one, "blue", { port: "web" });
  expect(await activeOn("web")).toEqual(["h1"]);
  await cluster.delete("Port", "web");
  await goesTo("the port is gone", "web");
  expect(await linksIn(one, box)).toEqual([]);
  const check = await one.world.cni("check", "--json", list, box);
  expect(JSON.parse(check.stdout).msg).toContain("It is not attached: its port or network");
  const fixedIps = [{ address }];
  await cluster.create("Port", "next", { network: "blue", fixedIps });
  const next = await attach(two, "blue", { port: "next" });
  expect(next.address).toBe(address);
  for (let i = 0; i < 2; i++) await one.world.must("del", list, box);
  await two.world.must("del", next.list, next.box);
  await cluster.delete("Port", "next");
  await goesTo("the next is gone", "next");
});

test("a network that goes with all its ports detaches what runs, and takes nothing new meanwhile", async () => {
  await cluster.network("red", { type: "bridge" }, { cidr: "10.82.0.0/24" });
  await cluster.create("Port", "db", { network: "red" });
  const claimed = await attach(one, "red", { port: "db" });
  const own = await attach(two, "red");
  one.relay.cut();
  await cluster.delete("Network", "red", { cascade: true });
  await eventually(
    "what is reached is detached",
    async () => (await linksIn(two, own.box)).length === 0,
  );
  const late = await two.world.host.addContainer();
  await eventually("it refuses new ones", async () => {
    const { status, stdout } = await two.world.cni("add", "--json", own.list, late);
    return status === 1 && JSON.parse(stdout).msg.includes('network "default/red", being deleted');
  });
  expect((await linksIn(one, claimed.box)).length).toBe(1);
  expect((await cluster.find("Port", "db"))?.metadata).toHaveProperty("deletionTimestamp");
  await one.relay.open();
  await goesTo("the port is gone", "db");
  expect(await linksIn(one, claimed.box)).toEqual([]);
  await one.world.must("del", claimed.list, claimed.box);
  await two.world.must("del", own.list, own.box);
});

test("a host that is away keeps a deleted port, until its operator says that it is over", async () => {
  await cluster.create("Port", "cut", { network: "blue" });
  const { box, list } = await attach(one, "blue", { port: "cut" });
  one.relay.cut();
  await cluster.delete("Port", "cut");
  await Bun.sleep(1_000);
  const waiting = await cluster.find("Port", "cut");
  expect(waiting?.status.conditions).toContainEqual(
    expect.objectContaining({ type: "Detached", message: expect.stringContaining('host "h1"') }),
  );
  const { boot } = (await cluster.find("Host", "h1"))!.status;
  await cluster.change("Host", "h1", { metadata: { annotations: { [overAnnotation]: boot } } });
  await cluster.delete("Host", "h1");
  await goesTo("the port is gone", "cut");
  await eventually(
    "the host is gone",
    async () => (await cluster.find("Host", "h1")) === undefined,
  );
  await one.relay.open();
  await eventually(
    "the host is back",
    async () => (await cluster.find("Host", "h1")) !== undefined,
  );
  await one.world.must("del", list, box);
});

test("an agent that lost its control plane takes a port again while its binding stands, and no other", async () => {
  await cluster.create("Port", "away", { network: "blue", host: "h1" });
  await cluster.create("Port", "held", { network: "blue" });
  const before = await attach(one, "blue", { port: "held" });
  const own = await attach(one, "blue");
  one.relay.cut();
  await one.world.must("del", before.list, before.box);
  const again = await attach(one, "blue", { port: "held" });
  expect(again.address).toBe(before.address);
  await one.relay.open();
  await eventually("the new container is told", async () => {
    const { attachment } = (await cluster.find("Port", "held"))!.status;
    return attachment?.containerId.startsWith(again.box);
  });
  // The word that it is gone arrives, and the agent hears nothing of it.
  one.relay.loseAnswersFrom("PATCH /apis/netloom.dev/v1alpha1/namespaces/default/ports/held");
  await one.world.must("del", again.list, again.box);
  await eventually("it is told gone", async () => (await activeOn("held")).length === 0);
  one.relay.cut();
  await cluster.delete("Port", "held");
  await cluster.create("Port", "heir", { network: "blue", fixedIps: [{ address: again.address }] });
  const heir = await attach(two, "blue", { port: "heir" });
  expect(heir.address).toBe(again.address);
  const box = await one.world.host.addContainer();
  const { status, stdout } = await one.world.cni("add", "--json", again.list, box);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ code: 11, msg: expect.stringContaining("held") });
  expect(await linksIn(one, box)).toEqual([]);
  await two.world.must("del", heir.list, heir.box);
  // What this host's own blocks give goes on.
  const more = await attach(one, "blue", { port: "away" });
  await one.relay.open();
  await eventually("it is told", async () => (await activeOn("away")).length === 1);
  for (const each of [own, more]) await one.world.must("del", each.list, each.box);
});

test("a host's late word of a port that moved meanwhile changes nothing of it", async () => {
  await cluster.create("Port", "mover", { network: "blue", host: "h1" });
  const old = await attach(one, "blue", { port: "mover" });
  await eventually("it is told", async () => (await activeOn("mover")).length === 1);
  one.relay.cut();
  await cluster.change("Port", "mover", { spec: { host: "h2" } });
  const moved = await attach(two, "blue", { port: "mover" });
  await eventually("it is on the other", async () => (await activeOn("mover")).includes("h2"));
  const told = (await cluster.find("Port", "mover"))!.status;
  await one.world.endAgent("SIGKILL");
  await one.relay.open();
  await one.world.startAgent();
  await one.world.must("del", old.list, old.box);
  await eventually("the first is told gone", async () => (await activeOn("mover")).join() === "h2");
  const { addresses, attachment, mac, bindings } = (await cluster.find("Port", "mover"))!.status;
  expect({ addresses, attachment, mac }).toEqual({
    addresses: told.addresses,
    attachment: told.attachment,
    mac: told.mac,
  });
  const [first, second] = ["h1", "h2"].map((name) =>
    bindings.find(({ host }: any) => host === name),
  );
  expect(second.epoch).toBeGreaterThan(first.epoch);
  await two.world.must("del", moved.list, moved.box);
});

test("a port that vanished under its container is made again, and goes with it", async () => {
  await cluster.create("Port", "lost", { network: "blue", host: "h1" });
  const { box, list } = await attach(one, "blue", { port: "lost" });
  await eventually("its host has told of it", async () => {
    const { status } = (await cluster.find("Port", "lost"))!;
    return status?.bindings?.some(({ active }: { active: boolean }) => active) ?? false;
  });
  // As nobody could by the API: no binding is told of, so nothing holds it.
  await cluster.changeStatus("Port", "lost", { bindings: [] });
  const { uid } = (await cluster.find("Port", "lost"))!.metadata;
  await cluster.delete("Port", "lost");
  await eventually("it is made again", async () => {
    const found = await cluster.find("Port", "lost");
    return found !== undefined && found.metadata.uid !== uid && found.status !== undefined;
  });
  await one.world.must("del", list, box);
  await goesTo("it is gone with its container", "lost");
});

test("nothing of it all is left on the hosts", async () => {
  for (const { world } of cluster.members) {
    await eventually("no record is left", () => {
      const state = `${world.host.dir}/state/instances`;
      return readdirSync(state).every((instance) =>
        ["attachments", "ports"].every((name) => {
          return readdirSync(`${state}/${instance}/${name}`).length === 0;
        }),
      );
    });
  }
});
