/** Which tests run in the VM, and what became there of those that this machine's kernel skips. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestCase } from "../junit.ts";
import { type Suite, suitesOf } from "../suites.ts";

/**
 * Run whole, so that an old kernel is covered too: everything that speaks to the kernel, the exam
 * of network types, and packets. The rest of the engine's tests stand on these.
 */
const core =
  /^(?:src\/kernel\/.*\.kernel\.test\.ts|src\/engine\/(?:conformance|sub-interface)\..*|test\/packets\/.*)$/;

/** Guarded by `needs(…)` of test/support/kernel-features.ts, in the file or in its tables. */
const guard = /^import .*from "[^"]*\/kernel-features\.ts";$/m;

/** A machine that emulates its processor takes its time. */
const slowness = 4;

/** The suites of the VM out of the project's test files, or out of those that were asked for. */
export function vmSuites(root: string, paths: readonly string[], asked: boolean): Suite[] {
  const chosen = asked ? paths : paths.filter((path) => core.test(path) || isGuarded(root, path));
  return suitesOf(chosen).map((suite) => ({
    ...suite,
    timeoutMs: suite.timeoutMs * 2,
    testTimeoutMs: suite.testTimeoutMs * slowness,
    // A table of cases with and without needs runs only the needy ones: the others ran here.
    env: {
      ...choices(),
      NETLOOM_VM: suite.files.every((path) => core.test(path)) ? "whole" : "needy",
    },
  }));
}

/** What the host's tests chose by, so that the VM runs what was skipped there. */
function choices(): Record<string, string> {
  const names = ["NETLOOM_SEED", "NETLOOM_WHOLE"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function isGuarded(root: string, path: string): boolean {
  return guard.test(readFileSync(join(root, path), "utf8"));
}

/** The VM has all that any test needs: whatever is skipped there has failed. */
export function judgeVmSkips(cases: readonly TestCase[]): TestCase[] {
  return cases.map((item) => {
    if (item.outcome !== "skipped") return item;
    return { ...item, outcome: "failed", text: "Skipped in the VM, where nothing may be" };
  });
}

/**
 * The host's outcomes as they count in the end: a test that was skipped here and ran in the VM
 * counts there alone, and one that ran nowhere has failed.
 */
export function settleSkips(
  here: readonly TestCase[],
  inVm: readonly TestCase[],
): { counted: TestCase[]; faults: TestCase[] } {
  const ran = new Set(inVm.map(({ file, name }) => `${file}\n${name}`));
  const counted = here.filter(({ outcome }) => outcome !== "skipped");
  const text = "Skipped on this machine's kernel, and it did not run in the VM either";
  const faults = here
    .filter(({ outcome, file, name }) => outcome === "skipped" && !ran.has(`${file}\n${name}`))
    .map((item): TestCase => ({ ...item, outcome: "failed", text }));
  return { counted, faults };
}
