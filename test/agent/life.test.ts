/** What an agent's own end, and that of its control plane, mean for containers. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { eventually, World } from "./world.ts";

let world: World;
let list: string;

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge", masquerade: true }, "10.72.0.0/24");
  list = world.list("blue", "blue");
  await world.startAgent();
});

afterAll(() => world.remove());

const reaches = async (box: string, address: string) =>
  (await world.host.run(["ping", "-c1", "-W1", address], { netns: box })).status === 0;

test("containers outlive a killed agent, and the next one looks after them", async () => {
  const box = await world.host.addContainer();
  const result = await world.must("add", list, box);
  await world.endAgent("SIGKILL");
  expect(await reaches(box, "10.72.0.1")).toBe(true);
  await world.host.shell("ip link del eth0", box);
  await world.startAgent();
  await eventually("the link is back", () => reaches(box, "10.72.0.1"), 5_000);
  await world.must("check", list, box);
  const other = await world.host.addContainer();
  const second = await world.must("add", list, other);
  expect(second.ips[0].address).not.toBe(result.ips[0].address);
  for (const one of [box, other]) await world.must("del", list, one);
  await eventually("the API knows of none", () => world.control.ports().length === 0);
});

test("a container that can't be repaired is told on its port, until it can", async () => {
  const { host, control } = world;
  const box = await host.addContainer();
  await world.must("add", list, box);
  const ready = () =>
    control
      .ports()
      .flatMap(({ status }) => status?.conditions ?? [])
      .find(({ type }: { type: string }) => type === "Ready");
  await eventually("it is ready", () => ready()?.status === "True");
  await host.shell("ip link set eth0 down; ip link set eth0 name foo0 up", box);
  // A repair between the two changes fails by something else first.
  const tells = () => ready()?.reason === "NotAsDeclared" && ready()?.message.includes('"eth0"');
  await eventually("its port says so", tells, 30_000);
  expect(ready()?.status).toBe("False");
  await host.shell("ip link set foo0 down; ip link set foo0 name eth0 up", box);
  await eventually("it is well", () => ready()?.status === "True", 30_000);
  expect(await reaches(box, "10.72.0.1")).toBe(true);
  await world.must("del", list, box);
  await eventually("the API knows of none", () => control.ports().length === 0);
}, 90_000);

test("attach and detach go on without the control plane, which hears of it later", async () => {
  const before = await world.host.addContainer();
  await world.must("add", list, before);
  await eventually("it is reported", () => world.control.ports()[0]?.status !== undefined);
  await world.control.stop();
  const during = await world.host.addContainer();
  await world.must("add", list, during);
  expect(await reaches(during, "10.72.0.1")).toBe(true);
  await world.must("del", list, before);
  await world.endAgent("SIGTERM");
  await world.startAgent();
  const late = await world.host.addContainer();
  await world.must("add", list, late);
  expect(world.control.ports()).toHaveLength(1);
  world.control.start();
  const known = () =>
    world.control
      .ports()
      .map(({ status }) => status?.attachment?.containerId.replace(/-[0-9a-f]{8}$/, ""))
      .sort();
  await eventually("the API knows the two", () => known().join() === [during, late].join());
  for (const one of [during, late]) await world.must("del", list, one);
  await eventually("the API knows of none", () => world.control.ports().length === 0);
});

test("DEL succeeds without an agent, and the next one gives the address back", async () => {
  const box = await world.host.addContainer();
  await world.must("add", list, box);
  await eventually("it is reported", () => world.control.ports()[0]?.status !== undefined);
  await world.endAgent("SIGKILL");
  await world.must("del", list, box);
  await world.must("del", list, box);
  expect(await world.host.shell("ip -br link")).not.toMatch(/^n[0-9a-f]{14}/m);
  expect(world.control.ports()).toHaveLength(1);
  await world.startAgent();
  await eventually("the API knows of none", () => world.control.ports().length === 0);
});

test("ADD without an agent says where it was looked for, and code 11", async () => {
  await world.endAgent("SIGTERM");
  expect(existsSync(`${world.host.dir}/run/agent.sock`)).toBe(false);
  const box = await world.host.addContainer();
  const { status, stdout } = await world.cni("add", "--json", list, box);
  expect(status).toBe(1);
  const { code, msg } = JSON.parse(stdout);
  expect(code).toBe(11);
  expect(msg).toContain(`${world.host.dir}/run/agent.sock`);
  expect(msg).toContain("netloom agent");
  await world.startAgent();
});

test("a call that its agent's end cut short is made anew by the next one", async () => {
  const box = await world.host.addContainer();
  const adding = world.must("add", list, box);
  await world.endAgent("SIGKILL");
  await world.startAgent();
  await adding;
  expect(await reaches(box, "10.72.0.1")).toBe(true);
  await world.must("del", list, box);
  await eventually("the API knows of none", () => world.control.ports().length === 0);
});

test("ADD on a host that is being removed says so where no address is left to give", async () => {
  const { control, host } = world;
  world.declare("empty", { type: "bridge" }, "10.73.0.0/24");
  const known = control.objects.get("hosts//h1")!;
  const metadata = { ...known.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
  control.put("hosts", { ...known, metadata });
  const box = await host.addContainer();
  const { stdout } = await world.cni("add", "--json", world.list("empty", "empty"), box);
  const { code, msg } = JSON.parse(stdout);
  const { deletionTimestamp: _, ...kept } = control.objects.get("hosts//h1")!.metadata;
  control.put("hosts", { ...control.objects.get("hosts//h1")!, metadata: kept });
  expect(code).toBe(11);
  expect(msg).toContain('host "h1" is being removed');
});

test("a second agent on the same directories is refused", async () => {
  const { exitCode, stderr } = await world.secondAgent();
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`"${world.host.dir}/run"`);
  expect(statSync(`${world.host.dir}/run/agent.sock`).mode & 0o777).toBe(0o600);
});

test("a network that is no more takes its attachments along, and nothing is left", async () => {
  const box = await world.host.addContainer();
  await world.must("add", list, box);
  const { host, control } = world;
  control.remove("subnets", { namespace: "default", name: "blue" });
  control.remove("networks", { namespace: "default", name: "blue" });
  await eventually("its ports are gone", () => control.ports().length === 0);
  const { links } = { links: await host.shell("ip -br link") };
  expect(links).not.toMatch(/^n[0-9a-f]{14}/m);
  await eventually(
    "its bridge is gone",
    async () => !(await host.shell("ip -br link")).includes("nlb-"),
  );
  const state = `${host.dir}/state/instances`;
  const [instance = ""] = readdirSync(state);
  for (const folder of ["attachments", "ports"]) {
    expect(readdirSync(`${state}/${instance}/${folder}`)).toEqual([]);
  }
  await world.must("del", list, box);
});

/** Asks the agent itself, as a plugin whose caller waits so long. */
async function askWithin(withinMs: number): Promise<{ code: number }> {
  const stdin = JSON.stringify({
    ...{ cniVersion: "1.1.0", name: "none", type: "netloom", network: "nobodys" },
  });
  const env = { CNI_COMMAND: "STATUS", CNI_PATH: "/opt/cni/bin" };
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  await Bun.connect({
    unix: `${world.host.dir}/run/agent.sock`,
    socket: {
      open: (socket) =>
        void socket.write(`${JSON.stringify({ verb: "cni", env, stdin, withinMs })}\n`),
      data(_, data) {
        text += data.toString();
      },
      close: () => resolve(text),
    },
  });
  return JSON.parse(JSON.parse(await promise).text);
}

test("a call waits for what may still come as long as its caller does", async () => {
  const order: string[] = [];
  const ask = async (name: string, withinMs: number) => {
    const { code } = await askWithin(withinMs);
    order.push(`${name} ${code}`);
  };
  await Promise.all([ask("patient", 1_500), ask("hurried", 0)]);
  expect(order).toEqual(["hurried 7", "patient 7"]);
});
