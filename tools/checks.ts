/** What is checked without running the product: each is a command, and counts as one test. */
import type { TestCase } from "./junit.ts";

const checks: [name: string, argv: readonly string[]][] = [
  ["types", ["node_modules/.bin/tsc", "-p", ".", "--pretty", "false"]],
  ["layering", [process.execPath, "tools/layers.ts"]],
  ["tidiness", [process.execPath, "tools/tidy.ts"]],
  ["what plugins load", [process.execPath, "tools/plugin-path.ts"]],
  ["format and lint", ["node_modules/.bin/biome", "check", "--colors=off"]],
];

/** Runs them side by side. */
export function runChecks(root: string): Promise<TestCase[]> {
  return Promise.all(checks.map(([name, argv]) => runCheck(root, name, argv)));
}

async function runCheck(root: string, name: string, argv: readonly string[]): Promise<TestCase> {
  const child = Bun.spawn([...argv], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  const outcome = status === 0 ? "passed" : "failed";
  return { file: "checks", name, outcome, text: `${out}${err}`.trim() };
}
