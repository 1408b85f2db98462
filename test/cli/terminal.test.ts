/** What a person sees who looks at a terminal, and what a pipe gets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await World.withLab();
});
afterAll(() => world.host.remove());

const csi = "\x1b[";
const waiting = "wait port idle --timeout=1500ms";

test("colours are for terminals, unless somebody wants none", async () => {
  expect(await world.onTerminal("get networks", { TERM: "xterm" })).toContain(`${csi}1mNAME`);
  const plain: Record<string, string>[] = [{ TERM: "dumb" }, { TERM: "xterm", NO_COLOR: "1" }];
  for (const env of plain) {
    const text = await world.onTerminal("get networks", env);
    expect(text).toContain("NAME");
    expect(text).not.toContain(csi);
  }
  expect((await world.netloom("get networks", { env: { TERM: "xterm" } })).stdout).not.toContain(
    csi,
  );
});

test("what is waited for is shown on terminals, and wiped away", async () => {
  const text = await world.onTerminal(waiting, { TERM: "xterm" });
  expect(text).toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Waiting for port/);
  expect(text.slice(text.lastIndexOf("Waiting for"))).toContain(`\r${csi}K`);
  expect(await world.onTerminal(waiting, { TERM: "dumb" })).not.toContain("Waiting for");
  const { stderr } = await world.netloom(waiting, { env: { TERM: "xterm" } });
  expect(stderr).not.toContain("Waiting for");
});
