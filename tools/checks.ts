/** What is checked without running the product: each is a command, and counts as one test. */
import type { TestCase } from "./junit.ts";

const checks: [name: string, argv: readonly string[]][] = [
  ["types", ["node_modules/.bin/tsc", "-p", ".", "--pretty", "false"]],
  ["layering", [process.execPath, "tools/layers.ts"]],
  ["tidiness", [process.execPath, "tools/tidy.ts"]],
  ["format and lint", ["node_modules/.bin/biome", "check", "--colors=off"]],
];

/** Runs them one after the other. */
export function runChecks(root: string): TestCase[] {
  return checks.map(([name, argv]) => {
    const done = Bun.spawnSync([...argv], { cwd: root, stdin: "ignore", stderr: "pipe" });
    const text = `${done.stdout}${done.stderr}`.trim();
    return { file: "checks", name, outcome: done.success ? "passed" : "failed", text };
  });
}
