/** `make demo` as a newcomer meets it: that it works, and what it says where it can't. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../support/reference.ts";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "netloom-demo-test-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const argv = [process.execPath, join(root, "tools/demo.ts")];

/** As from a shell: on a private host of its own. */
function start(env: Record<string, string> = {}, before: string[] = []) {
  const { NETLOOM_PRIVATE_HOST: _, ...rest } = process.env;
  const stdio = ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"];
  return Bun.spawn([...before, ...argv], { env: { ...rest, ...env }, stdio });
}

async function finish(child: ReturnType<typeof start>) {
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, text: out + err };
}

test("the demo shows pings, pages, kernel objects, declared networks, and that nothing is left", async () => {
  const podmanWasHere = existsSync("/var/lib/containers");
  const { status, text } = await finish(start());
  expect(text).toContain("shop pings web, IPv6          3 of 3 answered");
  expect(text).toContain('"Hello 198.51.100.2, this is web"');
  expect(text).toContain('masqueraded  "Hello 198.51.100.1, this is outside"');
  expect(text).toContain("tcp . 8080 : 10.88.7.2 . 80");
  expect(text).toContain("Nothing is left");
  expect(text).toContain("network.netloom.dev/web condition met");
  expect(text).toContain("front pings cart, IPv4        3 of 3 answered");
  expect(text).toContain("front pings podman's api      3 of 3 answered");
  expect(text).toMatch(/^ {4}api-\S+ +web +10\.61\.0\.\d+,fd00:61::\w+ .* True /m);
  expect(text).toMatch(/ip link delete n\w+ .*\n +back in \d+ ms, with its address/);
  expect(text).toContain("network.netloom.dev/web deleted");
  expect(text).toContain("Nothing else is left");
  expect(existsSync("/var/lib/containers")).toBe(podmanWasHere);
  expect(text).not.toContain("\x1b[");
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(88);
  expect(status).toBe(0);
});

test("a demo whose executable fails says what failed, and fails", async () => {
  const broken = join(dir, "netloom");
  writeFileSync(broken, "#!/bin/sh\necho 'it is broken' >&2\nexit 3\n");
  chmodSync(broken, 0o755);
  const { status, text } = await finish(start({ NETLOOM_DEMO: broken }));
  expect(text).toContain("it is broken");
  expect(text).toContain("this machine is as it was");
  expect(status).toBe(1);
});

test("without root the demo says that it needs root", async () => {
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const { status, text } = await finish(start({}, nobody));
  expect(text).toContain("needs root");
  expect(status).toBe(1);
});

test("an interrupted demo ends at once and leaves nothing", async () => {
  const child = start();
  const reader = child.stdout.getReader();
  let seen = "";
  while (!seen.includes("pings")) {
    const { done, value } = await reader.read();
    if (done) break;
    seen += new TextDecoder().decode(value);
  }
  child.kill("SIGTERM");
  const started = Date.now();
  expect(await child.exited).not.toBe(0);
  expect(Date.now() - started).toBeLessThan(10_000);
});
