/** Two agents that take themselves for one host: one of them attaches, the other says why not. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, writeFileSync } from "node:fs";
import { eventually, World } from "./world.ts";

let first: World;
let twin: World;
const message = async (world: World, box: string): Promise<string> => {
  const { status, stdout } = await world.cni(
    "add",
    "--json",
    `${world.host.dir}/blue.conflist`,
    box,
  );
  expect(status).toBe(1);
  return JSON.parse(stdout).msg;
};
const hostObject = () => first.control.objects.get("hosts//h1")!;
const contested = () =>
  hostObject().status.conditions.find(({ type }: { type: string }) => type === "Contested");

beforeAll(async () => {
  first = await World.make();
  twin = await World.make({ control: false });
  first.declare("blue", { type: "bridge" }, "10.75.0.0/24");
  first.declare("bare", { type: "none" });
  for (const world of [first, twin]) world.list("blue", "blue");
  await first.startAgent();
  await first.must("add", `${first.host.dir}/blue.conflist`, await first.host.addContainer());
});

afterAll(async () => {
  await twin.remove();
  await first.remove();
});

describe("an agent with a state directory of its own", () => {
  test("attaches nothing under the name of a host that another serves, and says why", async () => {
    await twin.startAgent({ server: first.apiSocket });
    const box = await twin.host.addContainer();
    expect(await message(twin, box)).toMatch(/"h1" is served by another agent .*another --host/);
    const bare = await twin.cni("add", "--json", twin.list("bare", "bare"), box);
    expect(JSON.parse(bare.stdout).msg).toContain("another agent");
    await eventually("its log says so", () => /"not serving".*another --host/.test(twin.log));
    await eventually("the host says so", () => contested()?.status === "True");
    expect(contested().message).toContain("another --host");
    await first.must("add", `${first.host.dir}/blue.conflist`, await first.host.addContainer());
    expect(first.control.ports()).toHaveLength(2);
  });

  test("serves once the operator has removed the host of the other, which stops then", async () => {
    await first.endAgent("SIGKILL");
    first.control.remove("hosts", { name: "h1" });
    for (const { kind, metadata } of [...first.control.objects.values()]) {
      if (kind === "IPBlock") first.control.remove("ipblocks", metadata);
    }
    const list = `${twin.host.dir}/blue.conflist`;
    const box = await twin.host.addContainer();
    await eventually(
      "it attaches",
      async () => (await twin.cni("add", list, box)).status === 0,
      30_000,
    );
    await first.startAgent();
    expect(await message(first, await first.host.addContainer())).toContain("another agent");
    await twin.must("del", list, box);
  }, 60_000);
});

describe("a copy of the state directory in another boot", () => {
  let copy: World;
  beforeAll(async () => {
    await twin.endAgent("SIGTERM");
    copy = await World.make({ control: false });
    copy.list("blue", "blue");
    cpSync(`${twin.host.dir}/state`, `${copy.host.dir}/state`, { recursive: true });
    writeFileSync(`${copy.host.dir}/boot_id`, `${crypto.randomUUID()}\n`);
    await twin.startAgent({ server: first.apiSocket });
  });
  afterAll(() => copy.remove());
  const cloned = () => ({
    server: first.apiSocket,
    binds: {
      [`${twin.host.dir}/state`]: `${copy.host.dir}/state`,
      "/proc/sys/kernel/random/boot_id": `${copy.host.dir}/boot_id`,
    },
    stateDir: `${twin.host.dir}/state`,
  });

  test("attaches nothing while the one that it was copied from is alive", async () => {
    await copy.startAgent(cloned());
    expect(await message(copy, await copy.host.addContainer())).toMatch(/"h1" .*another boot/);
    await eventually("the host says so", () => contested()?.message.includes("copy"), 40_000);
    await Bun.sleep(20_000);
    expect(await message(copy, await copy.host.addContainer())).toMatch(/"h1" .*another boot/);
    await twin.must("add", `${twin.host.dir}/blue.conflist`, await twin.host.addContainer());
  }, 90_000);

  test("serves once that one is silent, which attaches nothing when it is back", async () => {
    twin.signalAgent("SIGSTOP");
    const list = `${copy.host.dir}/blue.conflist`;
    const box = await copy.host.addContainer();
    await eventually(
      "it attaches",
      async () => (await copy.cni("add", list, box)).status === 0,
      90_000,
    );
    twin.signalAgent("SIGCONT");
    await eventually("the first knows", async () =>
      /another boot/.test(await message(twin, await twin.host.addContainer())),
    );
    await copy.must("del", list, box);
  }, 120_000);
});
