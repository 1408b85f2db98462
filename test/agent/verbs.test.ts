/** What a runtime asks beside ADD and DEL, and ports without a link of their own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { lan } from "../support/test-host.ts";
import { eventually, World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge" }, "10.78.0.0/24");
  world.declare("red", { type: "bridge" }, "10.79.0.0/24");
  world.declare("plain", { type: "host" });
  await world.startAgent();
});

afterAll(() => world.remove());

const reaches = async (box: string, address: string) =>
  (await world.host.run(["ping", "-c1", "-W1", address], { netns: box })).status === 0;

test("GC takes what the runtime does not name, of its network alone", async () => {
  const { host } = world;
  const [kept, lost, other] = [
    await host.addContainer(),
    await host.addContainer(),
    await host.addContainer(),
  ];
  const [blue, red] = [world.list("blue", "blue"), world.list("red", "red")];
  for (const box of [kept, lost]) await world.must("add", blue, "--container-id", box, box);
  await world.must("add", red, "--container-id", other, other);
  // A runtime that forgot all leaves it to the plugin.
  rmSync(`${host.dir}/cache`, { recursive: true });
  await world.must("gc", blue, "--keep", kept);
  expect(await reaches(kept, "10.78.0.1")).toBe(true);
  expect(await reaches(other, "10.79.0.1")).toBe(true);
  const links = JSON.parse(await host.shell("ip -j link show type veth", lost));
  expect(links).toEqual([]);
  const containers = () =>
    world.control.ports().map(({ status }) => status?.attachment?.containerId);
  await eventually("the API knows the others", () => {
    return containers().sort().join() === [kept, other].sort().join();
  });
  for (const [list, box] of [
    [blue, kept],
    [red, other],
  ] as const) {
    await world.must("del", list, "--container-id", box, box);
  }
});

test("STATUS succeeds for a network that is declared, and names one that is not", async () => {
  await world.must("status", world.list("blue", "blue"));
  const { status, stdout } = await world.cni("status", "--json", world.list("none", "nosuch"));
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 7,
    msg: expect.stringContaining('There is no network "default/nosuch" for host "h1"'),
  });
});

test("a port on the host's own network has the host's addresses, also when they change", async () => {
  const { host, control } = world;
  const box = await host.addContainer();
  const list = world.list("plain", "plain");
  await world.must("add", list, box);
  const told = () =>
    control
      .ports()[0]
      ?.status?.addresses?.map(({ address }: any) => address)
      .join();
  await eventually("it has them", () => told() === [lan.host4, lan.host6].join());
  expect(control.ports()[0]?.status.addresses[0]).toEqual({ address: lan.host4 });
  const [{ dev }] = JSON.parse(await host.shell("ip -j route show default"));
  await host.shell(`ip addr add 198.51.100.77/32 dev ${dev}`);
  await eventually("it has the new one", () => told()?.includes("198.51.100.77"), 15_000);
  await world.must("del", list, box);
  await eventually("the API knows of none", () => control.ports().length === 0);
});

test("a client that closes its half after the request gets the answer all the same", async () => {
  const config = { cniVersion: "1.1.0", name: "blue", type: "netloom", network: "blue" };
  const env = { CNI_COMMAND: "STATUS", CNI_PATH: "/opt/cni/bin" };
  const request = { verb: "cni", env, stdin: JSON.stringify(config), withinMs: 5_000 };
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const socket = connect({ path: `${world.host.dir}/run/agent.sock`, allowHalfOpen: true });
  socket.on("data", (data) => {
    text += data.toString();
  });
  socket.on("end", () => resolve(text));
  socket.end(`${JSON.stringify(request)}\n`);
  expect(JSON.parse(await promise)).toMatchObject({ status: 0 });
});

test("a client that closes its half before all is said is left", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect({ path: `${world.host.dir}/run/agent.sock`, allowHalfOpen: true });
  socket.on("end", resolve);
  socket.on("data", () => expect.unreachable());
  socket.end('{"verb": "cni"');
  await promise;
  socket.destroy();
});
