/** Ports whose container shares another port's namespace, and ports that their network refuses. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually, World } from "./world.ts";

let world: World;

const object = (kind: string, name: string, spec: object) =>
  JSON.stringify({ apiVersion: "netloom.dev/v1alpha1", kind, metadata: { name }, spec });
const apply = (...objects: readonly string[]) =>
  world.done(["apply", "-f", "-"], objects.join("\n---\n"));
const list = (name: string, network = "blue") =>
  world.list(name, network, { args: { cni: { port: name } } });
const port = async (name: string) =>
  JSON.parse(await world.done(["get", "port", name, "-o", "json"]));
const condition = async (name: string, type: string) =>
  (await port(name)).status?.conditions?.find((one: any) => one.type === type);

beforeAll(async () => {
  world = await World.make({ control: false });
  await world.startAgent({ command: "up" });
  await apply(
    object("Network", "blue", { type: "bridge" }),
    object("Subnet", "blue", { network: "blue", cidr: "10.91.0.0/24" }),
    object("Port", "app", { network: "blue", host: "h1" }),
    object("Port", "side", { network: "blue", joins: "app" }),
  );
});

afterAll(() => world.remove());

const refused = async (...words: readonly string[]) => {
  const { status, stdout } = await world.cni("add", "--json", ...words);
  expect(status).toBe(1);
  return JSON.parse(stdout);
};

test("a container in another's namespace has that one's addresses, and takes nothing along", async () => {
  const [box, elsewhere] = [await world.host.addContainer(), await world.host.addContainer()];
  const side = ["--container-id", "side", list("side")] as const;
  expect(await refused(...side, box)).toMatchObject({
    code: 11,
    msg: expect.stringContaining('joins "app", which is not attached on host "h1"'),
  });
  const app = await world.must("add", list("app"), box);
  expect(await refused(...side, elsewhere)).toMatchObject({
    code: 7,
    msg: expect.stringContaining("its container is in another namespace"),
  });
  const joined = await world.must("add", ...side, box);
  expect(joined.ips).toEqual([{ ...app.ips[0], interface: 0 }]);
  expect(joined.interfaces).toEqual([
    { name: "eth0", mac: app.interfaces.at(-1).mac, sandbox: app.interfaces.at(-1).sandbox },
  ]);
  await eventually(
    "it is ready",
    async () => (await condition("side", "Ready"))?.status === "True",
  );
  const address = app.ips[0].address.split("/")[0];
  expect((await port("side")).status.addresses).toEqual([{ address }]);
  expect(await world.done(["get", "ports"])).toMatch(
    new RegExp(`^side +blue +${address} +h1 +True`, "m"),
  );
  await world.must("check", ...side, box);
  await world.host.shell("ip link del eth0", box);
  const answers = async () =>
    (await world.host.run(["ping", "-c1", "-W1", "10.91.0.1"], { netns: box })).status === 0;
  await eventually("the link is back", answers);

  await world.endAgent("SIGKILL");
  await world.must("del", ...side, box);
  await world.startAgent({ command: "up" });
  expect(await answers()).toBe(true);
  await world.must("add", ...side, box);
  await world.must("del", list("app"), box);
  await eventually("it tells that the other is gone", async () => {
    return (await condition("side", "Current"))?.reason === "JoinedGone";
  });
  await world.must("del", ...side, box);
  await eventually("it is off", async () => (await condition("side", "Ready"))?.status === "False");
  expect((await port("side")).status.addresses).toEqual([]);
});

test("what a port that joins can't have is refused, with its path", async () => {
  const spec = { network: "blue", joins: "app", mac: "02:00:5e:00:53:01", fixedIps: [] };
  await expect(apply(object("Port", "wrong", spec))).rejects.toThrow("spec.mac: Forbidden");
  const itself = { network: "blue", joins: "wrong" };
  await expect(apply(object("Port", "wrong", itself))).rejects.toThrow("names the port itself");
});

test("an address that a runtime asks for by itself is refused, not passed over", async () => {
  const box = await world.host.addContainer();
  const asking = { args: { cni: { ips: ["10.91.0.77"] } } };
  const { code, msg } = await refused(world.list("asking", "blue", asking), box);
  expect(code).toBe(7);
  expect(msg).toContain("args.cni.ips: does not go with a declared network");
});

test("what a network can't give its port is refused, not passed over", async () => {
  const publish = [{ hostPort: 80, containerPort: 80 }];
  const cases: [string, object, object, string][] = [
    ["lan", { type: "macvlan", parent: "uplink" }, { publish }, "spec.publish: leads through"],
    ["bare", { type: "none" }, { mac: "02:00:5e:00:53:02" }, "spec.mac: is the parent's"],
    ["plain", { type: "host" }, { publish }, "spec.publish: leads through"],
  ];
  const box = await world.host.addContainer();
  for (const [name, network, spec, words] of cases) {
    await apply(
      object("Network", name, network),
      object("Port", name, { network: name, host: "h1", ...spec }),
    );
    const { code, msg } = await refused(list(name, name), box);
    expect(code).toBe(7);
    expect(msg).toContain(words);
  }
  await apply(object("Port", "own", { network: "blue", host: "h1", type: "host" }));
  const said = async () => (await condition("own", "Ready"))?.message ?? "";
  await eventually("it says why", async () =>
    (await said()).includes('"host" is made by no agent'),
  );
});
