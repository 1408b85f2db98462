/** An agent, and a server, whose disk is full: they go on as far as can be, and say why. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { objectKey } from "../../src/api/node-spec.ts";
import { run } from "../support/run.ts";
import { eventually, World } from "./world.ts";

let world: World;
let blue: string;

beforeAll(async () => {
  world = await onSmallDisk({ mib: 1, control: true });
  world.declare("blue", { type: "bridge", masquerade: true }, "10.73.0.0/24");
  blue = world.list("blue", "blue");
  await world.startAgent();
});

afterAll(() => world.remove());

/** A world whose state directory is a file system of its own. */
async function onSmallDisk({ mib, control }: { mib: number; control: boolean }): Promise<World> {
  const made = await World.make({ control });
  const state = `${made.host.dir}/state`;
  mkdirSync(state, { recursive: true });
  const mounted = await run(["mount", "-t", "tmpfs", "-o", `size=${mib}m`, "agent-test", state]);
  if (mounted.status !== 0) throw new Error(mounted.stderr);
  made.host.beforeRemoval(() => Bun.spawnSync(["umount", "-l", state]));
  return made;
}

const fillerOf = ({ host }: World) => `${host.dir}/state/filler`;

function fillDisk(of: World): void {
  const file = openSync(fillerOf(of), "w");
  try {
    for (;;) writeSync(file, "x".repeat(512));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

const freeDisk = (of: World) => rmSync(fillerOf(of));

const pressure = () =>
  world.control.objects
    .get(objectKey("hosts", { name: "h1" }))
    ?.status?.conditions?.find(({ type }: { type: string }) => type === "DiskPressure");

test("changes are heeded and its condition says why, and with space all is kept", async () => {
  const before = await world.host.addContainer();
  await world.must("add", blue, before);
  fillDisk(world);
  for (const name of ["red", "green"]) {
    const cidr = name === "red" ? "10.74.0.0/24" : "10.75.0.0/24";
    world.declare(name, { type: "bridge", masquerade: true }, cidr);
  }
  await eventually("the host says it", () => pressure()?.status === "True", 30_000);
  expect(pressure().message).toMatch(
    /Cannot write ".+": the disk is full: free some space \(ENOSPC\)/,
  );
  expect(world.log.split("node spec not kept on disk").length - 1).toBe(1);

  const refused = await world.host.addContainer();
  const red = world.list("red", "red");
  const { status, stdout } = await world.cni("add", "--json", red, refused);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 5,
    msg: expect.stringMatching(/the disk is full/),
  });
  expect(await world.host.shell("ip -br link", refused)).not.toContain("eth0");
  expect(world.control.ports()).toHaveLength(1);

  freeDisk(world);
  await world.must("add", red, refused);
  await eventually("the host says it is over", () => pressure()?.status === "False", 30_000);
  expect(world.log).toContain("node spec kept on disk again");

  // What was told while the disk was full is there for an agent that starts alone.
  await world.endAgent("SIGKILL");
  await world.control.stop();
  await world.startAgent();
  const later = await world.host.addContainer();
  await world.must("add", world.list("green", "green"), later).catch((error: Error) => {
    // It is known; that it has no block yet needs the control plane.
    expect(error.message).not.toMatch(/knows no network/);
  });
  for (const one of [before, refused]) expect(await has(one)).toBe(true);
  world.control.start();
});

test("a detach on a full disk succeeds and leaves nothing, also for the next agent", async () => {
  const box = await world.host.addContainer();
  await world.must("add", blue, box);
  fillDisk(world);
  const { status, stdout } = await world.cni("del", "--json", blue, box);
  expect({ status, stdout }).toMatchObject({ status: 0 });
  expect(await has(box)).toBe(false);
  await world.endAgent("SIGKILL");
  freeDisk(world);
  await world.startAgent();
  await eventually("the API knows of it no more", () =>
    world.control.ports().every(({ status: of }) => !of?.attachment?.containerId.startsWith(box)),
  );
});

test("a server on a full disk says so with 503, goes on reading, and loses nothing", async () => {
  const up = await onSmallDisk({ mib: 4, control: false });
  try {
    await up.startAgent({ command: "up" });
    const path = "/apis/netloom.dev/v1alpha1/namespaces/default/networks";
    const send = async (name?: string): Promise<{ code: number; body: any }> => {
      const body = JSON.stringify({
        ...{ apiVersion: "netloom.dev/v1alpha1", kind: "Network" },
        ...{ metadata: { name }, spec: { type: "bridge" } },
      });
      const init = {
        ...(name !== undefined && { method: "POST", body }),
        headers: { "content-type": "application/json" },
        unix: `${up.host.dir}/run/api.sock`,
      };
      const response = await fetch(`http://netloom${path}`, init as RequestInit);
      return { code: response.status, body: await response.json() };
    };
    const names = async () => (await send()).body.items.map(({ metadata }: any) => metadata.name);
    expect((await send("n0")).code).toBe(201);
    fillDisk(up);
    // The log of the database has some room from before.
    const made = ["n0"];
    for (let i = 1; ; i++) {
      const { code, body } = await send(`n${i}`);
      if (code === 201) made.push(`n${i}`);
      else {
        expect({ code, reason: body.reason }).toEqual({ code: 503, reason: "ServiceUnavailable" });
        expect(body.message).toContain("the disk is full: free some space there");
        break;
      }
    }
    expect(await names()).toEqual(made.toSorted());
    freeDisk(up);
    await eventually("it takes changes again", async () => (await send("z")).code === 201);
    await up.endAgent("SIGKILL");
    await up.startAgent({ command: "up" });
    expect(await names()).toEqual([...made.toSorted(), "z"]);
  } finally {
    await up.remove();
  }
});

const has = async (box: string) => (await world.host.shell("ip -br link", box)).includes("eth0");
