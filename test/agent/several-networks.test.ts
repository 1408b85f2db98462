/** One container on several declared networks. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
  world.declare("web", { type: "bridge" }, "10.75.0.0/24");
  world.declare("data", { type: "bridge" }, "10.76.0.0/24");
  world.declare("pairs", { type: "ptp" }, "10.77.0.0/24");
  world.control.put("subnets", {
    metadata: { name: "data", namespace: "default" },
    spec: { network: "data", cidr: "10.76.0.0/24", routes: [{ destination: "10.99.0.0/16" }] },
  });
  world.control.put("subnets", {
    metadata: { name: "data6", namespace: "default" },
    spec: { network: "data", cidr: "fd00:76::/64" },
  });
  await world.startAgent();
});

afterAll(() => world.remove());

const routes = async (box: string, family: 4 | 6) =>
  JSON.parse(await world.host.shell(`ip -${family} -j route`, box)) as any[];
const viaDefault = async (box: string, family: 4 | 6) =>
  (await routes(box, family)).filter(({ dst }) => dst === "default").map(({ dev }) => dev);

test("the first network that has a default route of a family gives it, and later ones none", async () => {
  const box = await world.host.addContainer();
  const [web, data, pairs] = ["web", "data", "pairs"].map((name) => world.list(name, name));
  await world.must("add", web!, box);
  const second = await world.must("add", "--ifname", "eth1", data!, box);
  await world.must("add", "--ifname", "eth2", pairs!, box);
  expect(second.routes.map(({ dst }: any) => dst).sort()).toEqual(["10.99.0.0/16", "::/0"]);
  expect(await viaDefault(box, 4)).toEqual(["eth0"]);
  expect(await viaDefault(box, 6)).toEqual(["eth1"]);
  expect((await routes(box, 4)).find(({ dst }) => dst === "10.99.0.0/16")).toMatchObject({
    dev: "eth1",
    gateway: "10.76.0.1",
  });
  for (const gateway of ["10.75.0.1", "10.76.0.1", "10.77.0.1"]) {
    await world.host.shell(`ping -c1 -W2 ${gateway}`, box);
  }
  await world.must("check", "--ifname", "eth1", data!, box);
  await world.must("check", "--ifname", "eth2", pairs!, box);
  await world.must("del", "--ifname", "eth2", pairs!, box);
  await world.must("del", "--ifname", "eth1", data!, box);
  await world.must("del", web!, box);
});

test("networks that are attached at once give one default route of a family, and all of them work", async () => {
  // None has a block yet, so each waits for one while the others do.
  const names = ["first", "second", "third"];
  names.forEach((name, i) => {
    world.declare(name, { type: "bridge" }, `10.8${6 + i}.0.0/24`);
  });
  const lists = names.map((name) => world.list(name, name));
  const box = await world.host.addContainer();
  const each = (verb: string) =>
    Promise.all(lists.map((list, i) => world.must(verb, "--ifname", `eth${i}`, list, box)));
  await each("add");
  expect(await viaDefault(box, 4)).toHaveLength(1);
  for (const third of [86, 87, 88]) {
    await world.host.shell(`ping -c1 -W2 10.${third}.0.1`, box);
  }
  await each("check");
  await each("del");
});
