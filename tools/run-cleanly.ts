/** Runs a suite on a private host and looks whether it left anything behind. */
import { tmpdir } from "node:os";
import type { TestCase } from "./junit.ts";
import { settledDifferences, snapshot } from "./leftovers.ts";
import { inPrivateHost } from "./private-host.ts";
import { runSuite } from "./run-suite.ts";
import type { Suite } from "./suites.ts";

/** On the private host a suite has one more test: what was there before is what is there after. */
export async function runCleanly(suite: Suite, root: string): Promise<TestCase[]> {
  if (!inPrivateHost()) return runSuite(suite, root);
  const look = () => snapshot(tmpdir());
  const before = look();
  const cases = await runSuite(suite, root);
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
