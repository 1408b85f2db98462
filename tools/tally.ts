/** Counts outcomes and prints them: a line a suite, what failed tests said, the final line. */
import type { TestCase } from "./junit.ts";

/** So many failures of a suite are shown whole: one cause often fails many tests. */
const maxTexts = 15;
const maxTextLines = 60;

export const heading = "suite                 passed  failed  skipped     time";

export function counts(cases: readonly TestCase[]) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of cases) count[outcome]++;
  return count;
}

/** A suite's line, and its failures. */
export function show(name: string, cases: readonly TestCase[], tookMs: number): void {
  const { passed, failed, skipped } = counts(cases);
  const cell = (value: number, width: number) => String(value || "-").padStart(width);
  const seconds = `${(tookMs / 1000).toFixed(1)} s`.padStart(9);
  const numbers = `${cell(passed, 6)}  ${cell(failed, 6)}  ${cell(skipped, 7)}`;
  console.log(`${name.padEnd(22)}${numbers}${seconds}`);
  const failures = cases.filter(({ outcome }) => outcome === "failed");
  for (const [index, { file, name: test, text }] of failures.entries()) {
    const said = index < maxTexts ? text : "";
    console.log(`${said === "" ? "" : "\n"}  FAILED ${file}: ${test}`);
    if (said !== "")
      console.log(said.split("\n").slice(0, maxTextLines).join("\n").replace(/^/gm, "    "));
  }
  if (failed > 0) console.log();
}

/** The final line. Gives the exit status. */
export function conclude(cases: readonly TestCase[]): number {
  const count = counts(cases);
  console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  return count.failed === 0 && count.passed > 0 ? 0 : 1;
}
