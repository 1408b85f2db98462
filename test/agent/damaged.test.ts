/** Files of an agent that can't be read: it serves, says so, and gives no address twice. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { objectKey } from "../../src/api/node-spec.ts";
import { eventually, World } from "./world.ts";

let world: World;
let list: string;
/** Containers that run, with their addresses. */
const boxes: { readonly name: string; readonly address: string }[] = [];

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge" }, "10.79.0.0/28");
  list = world.list("blue", "blue");
  await world.startAgent();
  for (let i = 0; i < 3; i++) await attach();
});
afterAll(() => world.remove());
beforeEach(() => {
  world.control.refuses = () => false;
});

async function attach(): Promise<void> {
  const name = await world.host.addContainer();
  const { ips } = await world.must("add", list, name);
  boxes.push({ name, address: ips[0].address });
}

function stateOf(folder: string): string {
  const instances = `${world.host.dir}/state/instances`;
  return `${instances}/${readdirSync(instances)[0]}/${folder}`;
}
const filesIn = (folder: string) =>
  readdirSync(stateOf(folder))
    .filter((name) => name.endsWith(".json"))
    .map((name) => `${stateOf(folder)}/${name}`);
const spoil = (path: string) => writeFileSync(path, '{"a');

const condition = () =>
  world.control.objects
    .get(objectKey("hosts", { name: "h1" }))
    ?.status?.conditions?.find(({ type }: { type: string }) => type === "StateDamaged");
const isOver = () => eventually("all is known", () => condition()?.status === "False", 30_000);

/** Ends the agent, lets `harm` be done, and starts the next one. */
async function restartAfter(harm: () => void): Promise<void> {
  await eventually("all is told", () =>
    world.control.ports().every(({ status }) => status?.attachment),
  );
  await world.endAgent("SIGKILL");
  harm();
  await world.startAgent();
}

/** Attaches so many more, and looks that nobody shares an address. */
async function attachMore(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await attach();
  expect(new Set(boxes.map(({ address }) => address)).size).toBe(boxes.length);
}

test("a block's file: nothing is given before its report stands, and nothing twice", async () => {
  const [path = ""] = filesIn("blocks");
  world.control.refuses = (plural) => plural === "ipblocks";
  // Of the last container only this host's own records tell.
  await attach();
  await restartAfter(() => spoil(path));
  await eventually("the host says it", () => condition()?.status === "True", 30_000);
  expect(condition().message).toContain(`"${path}" can't be read`);
  expect(world.log).toContain(`"path":"${path}"`);
  expect(existsSync(`${path}.damaged`)).toBe(true);
  const early = await world.host.addContainer();
  const { status, stdout } = await world.cni("add", "--json", list, early);
  expect([status, JSON.parse(stdout).code]).toEqual([1, 11]);

  world.control.refuses = () => false;
  await isOver();
  await attachMore(2);
  await world.must("check", list, boxes[0]!.name);
}, 60_000);

test("a port's record beside: its attachment's tells what runs", async () => {
  const [block = ""] = filesIn("blocks");
  await restartAfter(() => {
    for (const path of [block, ...filesIn("ports")]) spoil(path);
  });
  await eventually("the block is known", () => existsSync(block), 30_000);
  await attachMore(2);
  const port = filesIn("ports").find((path) => condition()?.message.includes(path));
  expect(port).toBeDefined();
  for (const { name } of boxes.splice(0)) await world.must("del", list, name);
  await isOver();
}, 60_000);

test("the fence beside blocks: new ones are opened once it is known again", async () => {
  await attach();
  const path = `${stateOf("blocks")}/forgotten`;
  await restartAfter(() => {
    writeFileSync(path, "");
    spoil(filesIn("blocks")[0]!);
  });
  await isOver();
  await attachMore(1);
  expect(existsSync(path)).toBe(true);
}, 60_000);

test("an attachment's record: its port says that it is not kept, also after a restart", async () => {
  await attach();
  const { name } = boxes.at(-1)!;
  const [path = "", ...others] = filesIn("attachments");
  const kept = () =>
    world.control
      .ports()
      .flatMap(({ status }) => status?.conditions ?? [])
      .filter(({ type }: { type: string }) => type === "Kept")
      .map(({ status, message }: Record<string, string>) => `${status} ${message}`);
  for (const each of [path, ...others]) spoil(each);
  const isTold = () =>
    kept().some((text: string) => text.startsWith(`False "${path}" can't be read`));
  await eventually("the port says it", isTold, 30_000);
  expect(world.log).toContain("attachment record unreadable");
  await restartAfter(() => {});
  await eventually("the agent has cleaned up", () => world.log.includes('"serving"'));
  expect(existsSync(path)).toBe(true);
  expect(await world.host.shell("nft list tables")).toContain("netloom_");
  expect(isTold()).toBe(true);
  for (const box of boxes.splice(0)) await world.must("del", list, box.name);
  expect(existsSync(path)).toBe(false);
  const { ips } = await world.must("add", list, name);
  expect(ips).toHaveLength(1);
  await world.must("del", list, name);
}, 60_000);
