/** What the doctor says of an agent's part of the host. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { eventually, World } from "./world.ts";

let world: World;
let list: string;

beforeAll(async () => {
  world = await World.make();
  world.declare("blue", { type: "bridge" }, "10.93.0.0/24");
  list = world.list("blue", "blue");
  await world.startAgent();
});

afterAll(() => world.remove());

/** The findings of the area, as `level: what`. */
async function findings(): Promise<string[]> {
  const argv = ["dist/netloom", "doctor", "--json", "--conf-dir", world.host.dir];
  const { stdout } = await world.host.run(argv, { env: world.env });
  const { sections } = JSON.parse(stdout);
  const { findings } = sections.find(({ area }: any) => area === "declared networks");
  return findings.map(({ level, what, mend }: any) => `${level}: ${what} / ${mend}`);
}
const tells = async (pattern: RegExp) => (await findings()).some((text) => pattern.test(text));
const state = () => {
  const dir = `${world.host.dir}/state/instances`;
  return `${dir}/${readdirSync(dir)[0]}`;
};

test("an agent that serves, hears its server and has a whole spec is fine", async () => {
  const box = await world.host.addContainer();
  await world.must("add", list, box);
  await eventually("it is heard", () => tells(/^fine: It has heard its control plane \(unix:/));
  expect((await findings()).filter((text) => !text.startsWith("fine"))).toEqual([]);
  expect(await tells(/^fine: It has a whole node spec of \d+ objects, last changed at 20/)).toBe(
    true,
  );
  await world.must("del", list, box);
});

test("a server that is away is told, and the time since", async () => {
  await world.control.stop();
  await eventually("it is missed", () => tells(/^warning: .* has not heard its control plane .*Z/));
  world.control.start();
  await eventually("it is heard", () => tells(/^fine: It has heard/));
});

test("an agent that does not run, what it left, and files that are spoilt are told", async () => {
  const box = await world.host.addContainer();
  await world.must("add", list, box);
  await world.endAgent("SIGKILL");
  expect(await tells(/^warning: The agent ".*" does not run: its 1 attachments keep/)).toBe(true);
  await world.host.shell("nft flush ruleset");
  expect(await tells(/^fault: Our nftables tables were removed .* its agent restores/)).toBe(true);
  const instance = state().split("/").at(-1);
  await world.host.shell(
    `ip link add n0000 type bridge; ip link set n0000 alias netloom:${instance}:00112233445566aa`,
  );
  expect(await tells(/^warning: Link "n0000" is of an attachment that has no record/)).toBe(true);
  for (const folder of ["ports", "spec", "attachments"]) {
    writeFileSync(`${state()}/${folder}/spoilt.json`, "{");
  }
  expect(await tells(/^warning: .*spoilt.json is no readable record of a port/)).toBe(true);
  expect(await tells(/^warning: .*spoilt.json is no readable object of the node spec/)).toBe(true);
  expect(await tells(/^warning: .*spoilt.json is no readable record of an attach.*restart/)).toBe(
    true,
  );
});
