/** A full disk under the audit log: nothing is changed that nobody could be told of. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { network } from "./cases.ts";
import { root, World } from "./world.ts";

const networks = `${root}/namespaces/default/networks`;
let world: World;
let stateDir: string;
let token: string;

const run = (...command: string[]) => {
  const { exitCode, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
};

beforeEach(async () => {
  world = await World.make(undefined, (folder) => {
    stateDir = folder;
    run("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder);
  });
  token = await world.person("editor", {}, { role: "editor" });
});
afterEach(async () => {
  await world.close();
  run("umount", stateDir);
  world.clear();
});

const fill = () => {
  try {
    for (let i = 0; ; i++) writeFileSync(`${stateDir}/fill${i}`, "x".repeat(4096));
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
  }
};
const create = (name: string) =>
  world.send({ method: "POST", path: networks, body: network(name), token });

test("changes are refused while it is full, reading goes on, and no line is lost or torn", async () => {
  expect((await create("before")).code).toBe(201);
  const begun = world.audited().length;
  fill();
  // Whatever room was left in the log's last page is used up, then nothing is changed any more.
  let made = 0;
  while ((await create(`full-${made}`)).code === 201) made++;
  const refused = await create("refused");
  expect(refused.code).toBe(503);
  expect(refused.body.message).toContain("the audit log can't be written");
  expect((await world.send({ method: "DELETE", path: `${networks}/before`, token })).code).toBe(
    503,
  );
  const list = await world.send({ path: networks, token });
  expect(list.body.items).toHaveLength(made + 1);
  expect((await world.send({ path: "/readyz" })).code).toBe(503);
  expect((await world.send({ path: "/livez" })).code).toBe(200);
  rmSync(`${stateDir}/fill0`);
  expect((await world.send({ path: "/readyz" })).code).toBe(200);
  expect((await create("after")).code).toBe(201);
  const codes = world
    .audited()
    .slice(begun)
    .map(({ code }) => code);
  expect(codes).toEqual([...Array(made).fill(201), 503, 503, 503, 201]);
}, 60_000);
