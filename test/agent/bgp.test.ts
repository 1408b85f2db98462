/** Networks with backend bgp on one host: without the daemon's program, and what is left of it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { patient } from "../support/patience.ts";
import { eventually, World } from "./world.ts";

let world: World;
const path = "/usr/bin/gobgpd";

beforeAll(async () => {
  world = await World.make();
  world.declare("told", { type: "routed", backend: "bgp" }, "10.87.0.0/24");
});
afterAll(() => world.remove());

const daemons = () =>
  world.host.shell(`ps -eo pid=,args= | grep '[g]obgpd.*${world.host.dir}' || true`);

test("ADD says that gobgpd is missing, leaves nothing, and goes well once it is there", async () => {
  const missing = `${world.host.dir}/missing`;
  writeFileSync(missing, "", { mode: 0o644 });
  await world.startAgent({ binds: { [path]: missing } });
  const box = await world.host.addContainer();
  const list = world.list("told", "told");
  const { status, stdout } = await world.cni("add", "--json", list, box);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ code: 11 });
  expect(JSON.parse(stdout).msg).toContain("apt-get install gobgpd");
  expect(await world.host.shell("ip -br link", box)).not.toContain("eth0");
  expect(await world.host.shell("ip route; ip -br link")).not.toMatch(/10\.87\.0|nl.*@/);
  await world.endAgent("SIGTERM");
  await world.startAgent();
  await world.must("add", list, box);
  await eventually("a daemon is there", async () => (await daemons()) !== "", patient(10_000));
  await world.endAgent("SIGTERM");
  // Whose program went goes on as it is, and a container leaves as ever.
  await world.startAgent({ binds: { [path]: missing } });
  await world.must("del", list, box);
});

test("clean ends a daemon that nobody needs, and no other", async () => {
  await world.endAgent("SIGTERM");
  await world.startAgent();
  const box = await world.host.addContainer();
  const list = world.list("told", "told");
  await world.must("add", list, box);
  const before = await daemons();
  expect(before).not.toBe("");
  const clean = async () => (await world.done(["clean"])).trim();
  expect(await clean()).not.toContain("BGP");
  await world.endAgent("SIGTERM");
  // The container keeps its network, and others their way to it.
  expect(await clean()).not.toContain("BGP");
  expect(await daemons()).toBe(before);
  await world.startAgent();
  await world.must("del", list, box);
  // An agent serves: it is its own.
  expect(await clean()).not.toContain("BGP");
  expect(await daemons()).toBe(before);
  await world.endAgent("SIGTERM");
  await world.host.shell("ip route add 203.0.113.0/24 dev lo proto 108 metric 10801");
  expect(await clean()).toMatch(/Removed BGP daemon of the agent "n/);
  expect(await daemons()).toBe("");
  expect(await world.host.shell("ip route show metric 10801")).toBe("");
  expect(await clean()).not.toContain("BGP");
});
