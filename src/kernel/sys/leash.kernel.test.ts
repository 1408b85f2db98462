/** Children that die with us, and those that don't. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";

/** Whether the process is there and has not ended. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

const started: number[] = [];
afterAll(() => {
  for (const pid of started) if (isRunning(pid)) process.kill(pid, "SIGKILL");
});

/** A process with a child on a leash, which has a child too. `end` is how it comes to its end. */
async function family(end: string): Promise<{ parent: Bun.Subprocess; children: number[] }> {
  const script = `
    import { Leash } from "${import.meta.dir}/leash.ts";
    const leash = new Leash();
    const child = Bun.spawn(["sh", "-c", "sleep 60 & echo $$ $!; wait"], {
      detached: true,
      stdio: ["ignore", "inherit", "inherit", leash.end],
    });
    leash.tie(child.pid);
    setInterval(() => {}, 1000);
    process.once("SIGUSR1", () => { ${end} });
    console.log("tied");`;
  const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  // The child speaks up at once, its parent when it is on the leash.
  let told = "";
  for await (const chunk of parent.stdout.pipeThrough(new TextDecoderStream())) {
    told += chunk;
    if (/^tied$/m.test(told) && /^\d+ \d+$/m.test(told)) break;
  }
  const children = (/^\d+ \d+$/m.exec(told)?.[0] ?? "").split(" ").map(Number);
  expect(children).toHaveLength(2);
  started.push(...children);
  expect(children.map(isRunning)).toEqual([true, true]);
  return { parent, children };
}

async function untilGone(pids: readonly number[]): Promise<void> {
  const end = performance.now() + 10_000;
  while (pids.some(isRunning) && performance.now() < end) await Bun.sleep(5);
  expect(pids.filter(isRunning)).toEqual([]);
}

test("a child and its children are killed with who holds the leash", async () => {
  const { parent, children } = await family("");
  parent.kill("SIGKILL");
  await parent.exited;
  await untilGone(children);
}, 30_000);

test("they are killed too when it ends and has not let go", async () => {
  const { parent, children } = await family("process.exit(0)");
  parent.kill("SIGUSR1");
  await parent.exited;
  await untilGone(children);
}, 30_000);

test("who was let go lives on", async () => {
  const { parent, children } = await family("leash[Symbol.dispose](); process.exit(0)");
  parent.kill("SIGUSR1");
  expect(await parent.exited).toBe(0);
  // Whom the kernel signals is gone long before another process has come and gone.
  await Bun.spawn(["true"]).exited;
  expect(children.map(isRunning)).toEqual([true, true]);
}, 30_000);

test("a child that has ended already can be tied", async () => {
  const { Leash } = await import("./leash.ts");
  using leash = new Leash();
  const child = Bun.spawn(["true"], { detached: true });
  await child.exited;
  expect(() => leash.tie(child.pid)).not.toThrow();
});
