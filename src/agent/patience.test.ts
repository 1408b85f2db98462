/** How long is waited, and that nothing goes on waiting. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { atMost } from "./patience.ts";

test("work that never ends is waited for no longer than that", async () => {
  await atMost(20, new Promise(() => {}));
});

test("what fails in time is told", async () => {
  await expect(atMost(60_000, Promise.reject(new Error("no server")))).rejects.toThrow("no server");
});

test("a process whose work is done ends, however long it would have waited", async () => {
  const module = join(import.meta.dir, "patience.ts");
  const script = `import { atMost } from "${module}"; await atMost(60_000, Promise.resolve());`;
  const child = Bun.spawn([process.execPath, "-e", script], { stderr: "pipe" });
  expect(await child.exited).toBe(0);
});
