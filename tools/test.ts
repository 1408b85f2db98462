/** `make test`: runs every suite, or those named, and counts. `make ok`: checks and unit. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judgeList, judgeSkips, readAllowedSkips } from "./allowed-skips.ts";
import { runChecks } from "./checks.ts";
import type { TestCase } from "./junit.ts";
import { settledDifferences, snapshot } from "./leftovers.ts";
import { inPrivateHost, runInPrivateHost } from "./private-host.ts";
import { killRunning, runSuite } from "./run-suite.ts";
import { type Suite, suitesOf, testFiles } from "./suites.ts";

const { values: options, positionals: names } = parseArgs({
  options: {
    root: { type: "string", default: join(import.meta.dir, "..") },
    "without-checks": { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const whole = names.length === 0;
const suites = suitesOf(testFiles(options.root)).filter(
  ({ name }) => whole || names.includes(name),
);
const withChecks = (whole || names.includes("checks")) && !options["without-checks"];

/** So many failures of a suite are shown whole: one cause often fails many tests. */
const maxTexts = 15;
const maxTextLines = 60;

process.exitCode = await main();

async function main(): Promise<number> {
  const unknown = names.filter((name) => name !== "checks" && !suites.some((s) => s.name === name));
  if (unknown.length > 0) return refuse(`No suite is named "${unknown.join('", "')}"`);
  if (!suites.some(({ privileged }) => privileged) || inPrivateHost()) return runAll();
  if (process.getuid?.() !== 0) {
    return refuse('Cannot run these tests: they need root. Run "make ok" for those that do not');
  }
  process.env.TMPDIR = mkdtempSync(join(tmpdir(), "netloom-test-"));
  // Tests that run a process as another user give it paths in there.
  chmodSync(process.env.TMPDIR, 0o711);
  try {
    return await runInPrivateHost();
  } finally {
    rmSync(process.env.TMPDIR, { recursive: true, force: true });
  }
}

function refuse(message: string): number {
  console.error(message);
  return 1;
}

async function runAll(): Promise<number> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      killRunning();
      console.log("\nInterrupted");
      process.exit(130);
    });
  }
  const allowed = await readAllowedSkips(options.root);
  const all: TestCase[] = [];
  const add = (name: string, cases: readonly TestCase[], started: number) => {
    const judged = judgeSkips(cases, allowed);
    all.push(...judged);
    show(name, judged, Date.now() - started);
  };
  console.log("suite            passed  failed  skipped     time");
  const begun = Date.now();
  if (withChecks) add("checks", await runChecks(options.root), begun);
  for (const suite of suites) {
    const started = Date.now();
    add(suite.name, await runCleanly(suite), started);
  }
  const listFaults = whole ? judgeList(all, allowed) : [];
  if (listFaults.length > 0) add("allowed skips", listFaults, Date.now());
  const count = counts(all);
  console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  return count.failed === 0 && count.passed > 0 ? 0 : 1;
}

/** On the private host a suite has one more test: what was there before is what is there after. */
async function runCleanly(suite: Suite): Promise<TestCase[]> {
  if (!inPrivateHost()) return runSuite(suite, options.root);
  const look = () => snapshot(tmpdir());
  const before = look();
  const cases = await runSuite(suite, options.root);
  const found = await settledDifferences(before, look);
  endProcesses(found);
  const name = "the machine is as it was before";
  const outcome = found.length === 0 ? "passed" : "failed";
  return [...cases, { file: suite.name, name, outcome, text: found.slice(0, 30).join("\n") }];
}

/** So that they do not disturb the next suite. All are of this private host. */
function endProcesses(found: readonly string[]): void {
  for (const line of found) {
    const pid = Number(/^left: process (\d+)/.exec(line)?.[1]);
    try {
      if (pid > 1) process.kill(pid, "SIGKILL");
    } catch {
      // It has just gone by itself.
    }
  }
}

function counts(cases: readonly TestCase[]) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of cases) count[outcome]++;
  return count;
}

function show(name: string, cases: readonly TestCase[], tookMs: number): void {
  const { passed, failed, skipped } = counts(cases);
  const cell = (value: number, width: number) => String(value || "-").padStart(width);
  const seconds = `${(tookMs / 1000).toFixed(1)} s`.padStart(9);
  const numbers = `${cell(passed, 6)}  ${cell(failed, 6)}  ${cell(skipped, 7)}`;
  console.log(`${name.padEnd(17)}${numbers}${seconds}`);
  const failures = cases.filter(({ outcome }) => outcome === "failed");
  for (const [index, { file, name: test, text }] of failures.entries()) {
    const said = index < maxTexts ? text : "";
    console.log(`${said === "" ? "" : "\n"}  FAILED ${file}: ${test}`);
    if (said !== "")
      console.log(said.split("\n").slice(0, maxTextLines).join("\n").replace(/^/gm, "    "));
  }
  if (failed > 0) console.log();
}
