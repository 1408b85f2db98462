/** Containers on declared networks, attached by the agent. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually, World } from "./world.ts";

let world: World;
let list: string;

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge", masquerade: true }, "10.71.0.0/24");
  list = world.list("blue", "blue");
  await world.startAgent();
});

afterAll(() => world.remove());

test("two containers on a declared bridge reach each other, and the API knows them", async () => {
  const { host, control } = world;
  const [one, two] = [await host.addContainer(), await host.addContainer()];
  const first = await world.must("add", list, one);
  const second = await world.must("add", list, two);
  const address = (result: any) => result.ips[0].address.split("/")[0];
  expect(address(first)).not.toBe(address(second));
  await host.shell(`ping -c1 -W2 ${address(second)}`, one);
  await eventually("both ports are ready", () =>
    control.ports().every(({ status }) => status?.conditions?.[0]?.status === "True"),
  );
  expect(control.ports().map(({ status }) => status.addresses[0].address)).toEqual([
    address(first),
    address(second),
  ]);
  await world.must("check", list, one);
  for (const container of [one, two]) await world.must("del", list, container);
  await eventually("the API knows of none", () => control.ports().length === 0);
});

test("what an outside hand takes is back in moments, and others' things stay as they are", async () => {
  const { host } = world;
  const box = await host.addContainer();
  await world.must("add", list, box);
  const [port] = world.control.ports();
  await eventually("the port is reported", () => world.control.ports()[0]?.status !== undefined);
  const { hostLink } = world.control.port(port!.metadata.name)!.status.attachment;
  await host.shell("ip link add foreign0 type bridge");
  const has = async (script: string, netns?: string) =>
    (await host.run(["sh", "-c", script], netns === undefined ? {} : { netns })).status === 0;
  await host.shell(`ip link del ${hostLink}`);
  await eventually("the pair is back", () => has("ping -c1 -W1 10.71.0.1", box), 5_000);
  await host.shell("ip addr flush dev eth0", box);
  await eventually("the address is back", () => has("ping -c1 -W1 10.71.0.1", box), 5_000);
  await host.shell("nft flush ruleset");
  await eventually(
    "masquerading is back",
    () => has("nft list ruleset | grep -q masquerade"),
    5_000,
  );
  // Told by the kernel's notices: the next look at everything may be a minute away.
  expect(world.log).toMatch(/"event":"repaired",[^\n]*"foundBy":"notice"/);
  const counted = () => world.control.objects.get("hosts//h1")?.status?.repairs ?? 0;
  await eventually("the host's status counts them", () => counted() >= 3, 15_000);
  await host.shell("ip link del foreign0");
  await Bun.sleep(500);
  expect(await has("ip link show foreign0")).toBe(false);
  await world.must("del", list, box);
});

test("a port of this host has no claim to an address that another got meanwhile", async () => {
  const { host, control } = world;
  const [other, box] = [await host.addContainer(), await host.addContainer()];
  const [{ address }] = (await world.must("add", list, other)).ips;
  const metadata = { name: "web", namespace: "default" };
  const was = [{ address: address.split("/")[0], subnet: "blue" }];
  const spec = { network: "blue", type: "container", host: "h1" };
  control.put("ports", { metadata, spec, status: { addresses: was } });
  const named = world.list("named", "blue", { args: { cni: { port: "web" } } });
  expect((await world.must("add", named, box)).ips[0].address).not.toBe(address);
  await world.must("del", named, box);
  await world.must("del", list, other);
  control.remove("ports", metadata);
  await eventually("the API knows of none", () => control.ports().length === 0);
});

test("a port that an agent made goes with its container, also where it was there before", async () => {
  const { host, control } = world;
  const box = await host.addContainer();
  await world.must("add", list, box);
  await eventually("it is reported", () => control.ports()[0]?.status !== undefined);
  const [port] = control.ports();
  await world.must("del", list, box);
  await eventually("the API knows of none", () => control.ports().length === 0);
  // As a server tells it that has not yet heard of the end.
  control.put("ports", { metadata: port!.metadata, spec: port!.spec, status: port!.status });
  await Bun.sleep(300);
  await world.must("add", list, box);
  await world.must("del", list, box);
  await eventually("the API knows of none", () => control.ports().length === 0);
});
