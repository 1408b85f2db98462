/** What a person sees who looks at a terminal, and what a pipe gets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { resolve } from "node:path";
import { run } from "../support/run.ts";
import { World } from "./world.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");
let world: World;
beforeAll(async () => {
  world = await World.make();
  await world.must("create network lab type=bridge");
  await world.must("create port idle network=lab");
});
afterAll(() => world.host.remove());

/** On a terminal of its own, which takes standard output and error together. */
async function onTerminal(words: string, env: Readonly<Record<string, string>>): Promise<string> {
  const argv = ["script", "-qec", `${executable} ${words}`, "/dev/null"];
  const options = { netns: world.host.netns, env: { ...world.env, ...env } };
  return (await run(argv, options)).stdout;
}
const csi = "\x1b[";
const waiting = "wait port idle --timeout=1500ms";

test("colours are for terminals, unless somebody wants none", async () => {
  expect(await onTerminal("get networks", { TERM: "xterm" })).toContain(`${csi}1mNAME`);
  const plain: Record<string, string>[] = [{ TERM: "dumb" }, { TERM: "xterm", NO_COLOR: "1" }];
  for (const env of plain) {
    const text = await onTerminal("get networks", env);
    expect(text).toContain("NAME");
    expect(text).not.toContain(csi);
  }
  expect((await world.netloom("get networks", { env: { TERM: "xterm" } })).stdout).not.toContain(
    csi,
  );
});

test("what is waited for is shown on terminals, and wiped away", async () => {
  const text = await onTerminal(waiting, { TERM: "xterm" });
  expect(text).toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Waiting for port/);
  expect(text.slice(text.lastIndexOf("Waiting for"))).toContain(`\r${csi}K`);
  expect(await onTerminal(waiting, { TERM: "dumb" })).not.toContain("Waiting for");
  const { stderr } = await world.netloom(waiting, { env: { TERM: "xterm" } });
  expect(stderr).not.toContain("Waiting for");
});
