/** Ports that wait for no container: taps of virtual machines, and machines behind a link. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually, World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge" }, "10.73.0.0/24");
  await world.startAgent();
});

afterAll(() => world.remove());

const ready = (name: string) =>
  world.control.port(name)?.status?.conditions?.find(({ type }: any) => type === "Ready");
const declare = (name: string, spec: Record<string, unknown>) =>
  world.control.put("ports", {
    metadata: { name, namespace: "default" },
    spec: { network: "blue", host: "h1", ...spec },
  });

test("a port of a virtual machine is a tap on the bridge, guarded, until it is withdrawn", async () => {
  const mac = "02:00:5e:00:53:01";
  const tap = { name: "vmtap1", owner: 65534, group: 12, multiQueue: true };
  declare("vm1", { type: "vm", mac, tap, fixedIps: [{ address: "10.73.0.9" }] });
  await eventually("it is ready", () => ready("vm1")?.status === "True");
  const [link] = JSON.parse(await world.host.shell("ip -d -j link show vmtap1"));
  expect(link.master).toMatch(/^nlb-/);
  expect(link.linkinfo.info_data).toMatchObject({ type: "tap", multi_queue: true });
  expect(link.address).not.toBe(mac);
  const ruleset = await world.host.shell("nft list ruleset");
  for (const text of ["vmtap1", mac, "10.73.0.9"]) expect(ruleset).toContain(text);
  expect(world.control.port("vm1")?.status).toMatchObject({
    addresses: [{ address: "10.73.0.9", subnet: "blue" }],
    mac,
    bindings: [{ host: "h1", epoch: 1, active: true }],
    attachment: { hostLink: "vmtap1" },
  });
  await world.host.shell("ip link del vmtap1");
  await eventually("the tap is back", async () =>
    (await world.host.shell("ip -br link")).includes("vmtap1"),
  );
  world.control.remove("ports", { namespace: "default", name: "vm1" });
  await eventually(
    "the tap is gone",
    async () => !(await world.host.shell("ip -br link; nft list ruleset")).includes("vmtap1"),
  );
});

test("a machine behind a link reaches the network through the bridge, and the link comes back", async () => {
  const machine = await world.host.addContainer();
  await world.host.shell(`ip link add phys0 type veth peer name eth0 netns ${machine}`);
  await world.host.shell("ip addr add 10.73.0.20/24 dev eth0; ip link set eth0 up", machine);
  const [{ address: mac }] = JSON.parse(await world.host.shell("ip -j link show eth0", machine));
  declare("metal1", {
    type: "baremetal",
    device: "phys0",
    mac,
    fixedIps: [{ address: "10.73.0.20" }],
  });
  await eventually("it is ready", () => ready("metal1")?.status === "True");
  await eventually(
    "it reaches the gateway",
    async () =>
      (await world.host.run(["ping", "-c1", "-W1", "10.73.0.1"], { netns: machine })).status === 0,
  );
  world.control.remove("ports", { namespace: "default", name: "metal1" });
  await eventually("the link is out of the bridge", async () => {
    const [link] = JSON.parse(await world.host.shell("ip -j link show phys0"));
    return link.master === undefined;
  });
});

test("a port that can't be made says why, and is made once it can", async () => {
  declare("metal2", { type: "baremetal", device: "nosuch0" });
  await eventually("it has failed", () => ready("metal2")?.status === "False");
  expect(ready("metal2").message).toContain('there is no link "nosuch0" on this host');
  await world.host.shell("ip link add nosuch0 type veth peer name nosuch1");
  await eventually("it is ready", () => ready("metal2")?.status === "True", 15_000);
});

test("a machine without a link is a record with addresses", async () => {
  declare("metal3", { type: "baremetal", fixedIps: [{ address: "10.73.0.33" }] });
  await eventually("it is ready", () => ready("metal3")?.status === "True");
  expect(world.control.port("metal3")?.status.addresses).toEqual([
    { address: "10.73.0.33", subnet: "blue" },
  ]);
});
