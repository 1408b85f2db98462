/** `make test`: runs every suite here and in the VM, or those named, and counts. */
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { judgeList, judgeSkips, readAllowedSkips } from "./allowed-skips.ts";
import { runChecks } from "./checks.ts";
import type { TestCase } from "./junit.ts";
import { inPrivateHost, runInPrivateHost } from "./private-host.ts";
import { runCleanly } from "./run-cleanly.ts";
import { killRunning } from "./run-suite.ts";
import { choose, suitesOf, testFiles } from "./suites.ts";
import { conclude, heading, show } from "./tally.ts";
import { runInVm } from "./vm/run.ts";
import { judgeVmSkips, settleSkips, vmSuites } from "./vm/selection.ts";

const { values: options, positionals: names } = parseArgs({
  options: {
    root: { type: "string", default: join(import.meta.dir, "..") },
    only: { type: "string", short: "t" },
    vm: { type: "boolean", default: false },
    "without-checks": { type: "boolean", default: false },
    "without-vm": { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const whole = names.length === 0;
const { files, unknown } = choose(testFiles(options.root), names);
const pattern = options.only;
const suites = options.vm ? [] : suitesOf(files).map((suite) => ({ ...suite, pattern }));
const withChecks = !options.vm && !options["without-checks"] && (whole || names.includes("checks"));
const inVm =
  options.vm || (whole && !options["without-vm"])
    ? vmSuites(options.root, files, !whole).map((suite) => ({ ...suite, pattern }))
    : [];

// One for all suites, here and in the VM: which part of long tables runs, what happens at random.
process.env.NETLOOM_SEED ??= String(Date.now() % 1_000_000);

process.exitCode = await main();

async function main(): Promise<number> {
  if (unknown.length > 0) return refuse(`No suite or test file is "${unknown.join('", "')}"`);
  const privileged = inVm.length > 0 || suites.some((suite) => suite.privileged);
  if (inPrivateHost()) return runAll();
  if (!privileged) return runInMemory();
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

/** Files of the quick gate are in memory where that can be: it must not wait for a busy disk. */
async function runInMemory(): Promise<number> {
  const memory = "/dev/shm";
  if (!existsSync(memory)) return runAll();
  const folder = mkdtempSync(join(memory, "netloom-test-"));
  process.env.TMPDIR = folder;
  // Also where it is interrupted.
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return runAll();
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
  if (whole) console.log(`NETLOOM_SEED=${process.env.NETLOOM_SEED} repeats this run's choices\n`);
  console.log(heading);
  const here = await runHere();
  const there = await runThere();
  if (inVm.length === 0 || options.vm) return conclude([...here, ...there]);
  const { counted, faults } = settleSkips(here, there);
  if (faults.length > 0) show("skipped everywhere", faults, 0);
  return conclude([...counted, ...there, ...faults]);
}

async function runHere(): Promise<TestCase[]> {
  const allowed = await readAllowedSkips(options.root);
  const all: TestCase[] = [];
  const add = (name: string, cases: readonly TestCase[], started: number) => {
    const judged = judgeSkips(cases, allowed);
    all.push(...judged);
    show(name, judged, Date.now() - started);
  };
  const begun = Date.now();
  if (withChecks) add("checks", await runChecks(options.root), begun);
  for (const suite of suites) {
    const started = Date.now();
    add(suite.name, await runCleanly(suite, options.root), started);
  }
  const listFaults = whole && !options.vm ? judgeList(all, allowed) : [];
  if (listFaults.length > 0) add("allowed skips", listFaults, Date.now());
  return all;
}

async function runThere(): Promise<TestCase[]> {
  if (inVm.length === 0) return [];
  const all: TestCase[] = [];
  for await (const outcome of runInVm({ root: options.root, suites: inVm })) {
    const judged = judgeVmSkips(outcome.cases);
    all.push(...judged);
    show(`vm ${outcome.suite}`, judged, outcome.tookMs);
  }
  return all;
}
