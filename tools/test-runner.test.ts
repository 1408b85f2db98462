/** The test runner's own exam: whatever goes wrong in a suite, the run fails and says so. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readReport } from "./junit.ts";
import { runSuite } from "./run-suite.ts";
import { suitesOf } from "./suites.ts";

const parent = mkdtempSync(join(tmpdir(), "netloom-runner-"));
afterAll(() => rmSync(parent, { recursive: true, force: true }));

const good = 'test("is right", () => { expect(1).toBe(1); });';

/** A project of these test files; the bodies get their import of bun:test. */
function project(files: Record<string, string>): string {
  const root = mkdtempSync(join(parent, "root-"));
  for (const [path, body] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    const head = path.endsWith(".test.ts") ? 'import { expect, test } from "bun:test";\n' : "";
    writeFileSync(join(root, path), head + body);
  }
  return root;
}

/** Runs the unit suite; only a run of all suites judges the list of allowed skips. */
function runUnit(files: Record<string, string>, ...names: string[]) {
  const argv = [process.execPath, join(import.meta.dir, "test.ts"), "--root", project(files)];
  const { NETLOOM_PRIVATE_HOST: _, ...env } = process.env;
  const run = Bun.spawnSync([...argv, ...names], { env: { ...env, CI: "true" } });
  const lines = run.stdout.toString().trimEnd().split("\n");
  return { status: run.exitCode, last: lines.at(-1), text: lines.join("\n") };
}

describe("the run", () => {
  const skipped = 'test.skipIf(true)("needs a VLAN", () => {});';
  const allow = (test: string, reason: string) =>
    `export const allowedSkips = ${JSON.stringify([{ file: "src/a.test.ts", test, reason }])};`;
  const cases: [
    name: string,
    files: Record<string, string>,
    status: number,
    last: string,
    said: string,
  ][] = [
    [
      "succeeds where all is right",
      { "src/a.test.ts": good },
      0,
      "1 passed, 0 failed, 0 skipped",
      "unit",
    ],
    [
      "counts every file",
      { "src/a.test.ts": good, "tools/b.test.ts": good + good },
      0,
      "3 passed, 0 failed, 0 skipped",
      "",
    ],
    [
      "fails with a failing test, and says what it said",
      { "src/a.test.ts": 'test("is <w> & x", () => { expect(1).toBe(2); });' },
      1,
      "0 passed, 1 failed, 0 skipped",
      "Expected: 2",
    ],
    [
      "fails where a file does not load",
      { "src/a.test.ts": good, "src/b.test.ts": 'throw new Error("no such thing");' },
      1,
      "1 passed, 1 failed, 0 skipped",
      "no such thing",
    ],
    [
      "fails where a file holds no test",
      { "src/a.test.ts": good, "src/b.test.ts": "" },
      1,
      "1 passed, 1 failed, 0 skipped",
      "src/b.test.ts: the file loads and holds tests",
    ],
    [
      "fails where bun itself dies",
      { "src/a.test.ts": `${good} test("dies", () => process.kill(process.pid, "SIGKILL"));` },
      1,
      "0 passed, 1 failed, 0 skipped",
      "SIGKILL",
    ],
    [
      "fails where a test ends the process",
      { "src/a.test.ts": `${good} test("ends", () => process.exit(0));` },
      1,
      "0 passed, 1 failed, 0 skipped",
      "src/a.test.ts",
    ],
    [
      "fails where there is no test at all",
      { "src/a.ts": "" },
      1,
      "0 passed, 0 failed, 0 skipped",
      "",
    ],
    [
      "fails with a skip that nobody allowed",
      { "src/a.test.ts": good + skipped },
      1,
      "1 passed, 1 failed, 0 skipped",
      "does not name it",
    ],
    [
      "counts a skip that is allowed",
      {
        "src/a.test.ts": good + skipped,
        "test/allowed-skips.ts": allow("needs a VLAN", "No 802.1Q here"),
      },
      0,
      "1 passed, 0 failed, 1 skipped",
      "",
    ],
    [
      "does not count the hooks of a group that is skipped",
      {
        "src/a.test.ts": `import { afterAll, beforeAll, describe } from "bun:test";
          describe.skipIf(true)("a VLAN", () => {
            beforeAll(() => {});
            afterAll(() => {});
            test("carries packets", () => {});
          });${good}`,
        "test/allowed-skips.ts": allow("a VLAN > carries packets", "No 802.1Q here"),
      },
      0,
      "1 passed, 0 failed, 1 skipped",
      "",
    ],
    [
      "fails with an allowed skip that names no test",
      { "src/a.test.ts": good, "test/allowed-skips.ts": allow("needs a VLNA", "x") },
      1,
      "1 passed, 1 failed, 0 skipped",
      "No test is named",
    ],
    [
      "fails with an allowed skip without reason",
      { "src/a.test.ts": good + skipped, "test/allowed-skips.ts": allow("needs a VLAN", " ") },
      1,
      "1 passed, 1 failed, 1 skipped",
      "no reason",
    ],
  ];
  test.each(cases)("%s", (_name, files, status, last, said) => {
    // Without names the checks run too: they need the whole project, so the list has a name here.
    const judged = "test/allowed-skips.ts" in files ? ["--without-checks"] : ["unit"];
    const run = runUnit(files, ...("src/a.ts" in files ? ["--without-checks"] : judged));
    expect(run.text).toContain(said);
    expect(run.last).toBe(last);
    expect(run.status).toBe(status);
  });

  test("refuses a suite that does not exist", () => {
    expect(runUnit({ "src/a.test.ts": good }, "unti").status).toBe(1);
  });
});

test("a suite that does not end is ended and has failed", async () => {
  const root = project({ "src/a.test.ts": 'test("waits", () => new Promise(() => {}), 60_000);' });
  const suite = { ...suitesOf(["src/a.test.ts"])[0]!, timeoutMs: 700 };
  const cases = await runSuite(suite, root);
  expect(cases.map(({ name, outcome }) => [name, outcome])).toEqual([
    ["the suite ends within 0.7 s", "failed"],
  ]);
});

test("every test file belongs to the suite of its place and name", () => {
  const paths = [
    "test/e2e/podman.test.ts",
    "test/zebra/a.test.ts",
    "test/differential/bridge.kernel.test.ts",
    "src/kernel/netlink/link.kernel.test.ts",
    "test/support/run.test.ts",
    "test/support/test-host.kernel.test.ts",
    "src/lib/ip.test.ts",
    "tools/tidy.test.ts",
  ];
  expect(suitesOf(paths).map(({ name, files }) => [name, files])).toEqual([
    ["unit", ["src/lib/ip.test.ts", "test/support/run.test.ts", "tools/tidy.test.ts"]],
    ["kernel", ["src/kernel/netlink/link.kernel.test.ts", "test/support/test-host.kernel.test.ts"]],
    ["differential", ["test/differential/bridge.kernel.test.ts"]],
    ["e2e", ["test/e2e/podman.test.ts"]],
    ["zebra", ["test/zebra/a.test.ts"]],
  ]);
});

test("a report is read with its groups, texts and outcomes", () => {
  const xml = `<testsuites><testsuite name="a">
    <testcase name="good" classname="one &amp;gt; two" time="0" file="a.test.ts" />
    <testcase name="bad &lt;x&gt;" classname="" file="a.test.ts"><failure type="E" message="m">said&#10;this</failure></testcase>
    <testcase name="slow" classname="" file="a.test.ts"><failure type="TimeoutError" message="test timed out" /></testcase>
    <testcase name="left out" classname="" file="a.test.ts"><skipped /></testcase>
  </testsuite></testsuites>`;
  expect(readReport(xml)).toEqual([
    { file: "a.test.ts", name: "one &gt; two > good", outcome: "passed", text: "" },
    { file: "a.test.ts", name: "bad <x>", outcome: "failed", text: "said\nthis" },
    { file: "a.test.ts", name: "slow", outcome: "failed", text: "test timed out" },
    { file: "a.test.ts", name: "left out", outcome: "skipped", text: "" },
  ]);
});
