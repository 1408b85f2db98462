/** Judges skipped tests: only those that `test/allowed-skips.ts` names may be skipped. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestCase } from "./junit.ts";

/** A test that may be skipped where this machine's kernel lacks something. */
export interface AllowedSkip {
  /** Path from the project's root. */
  readonly file: string;
  /** Groups and name: `group > name`. */
  readonly test: string;
  /** What is missing, and where the test does run. */
  readonly reason: string;
}

/** The project's list; empty where there is none. */
export async function readAllowedSkips(root: string): Promise<readonly AllowedSkip[]> {
  const path = join(root, "test/allowed-skips.ts");
  if (!existsSync(path)) return [];
  const module: { allowedSkips: readonly AllowedSkip[] } = await import(path);
  return module.allowedSkips;
}

/** The same outcomes, a skip that nobody allowed having failed. */
export function judgeSkips(
  cases: readonly TestCase[],
  allowed: readonly AllowedSkip[],
): TestCase[] {
  return cases.map((item) => {
    if (item.outcome !== "skipped" || allowed.some((skip) => matches(skip, item))) return item;
    const text = "Skipped, but test/allowed-skips.ts does not name it with a reason";
    return { ...item, outcome: "failed", text };
  });
}

/** A failure for each entry that names no test of the run, or gives no reason. */
export function judgeList(cases: readonly TestCase[], allowed: readonly AllowedSkip[]): TestCase[] {
  return allowed.flatMap((skip): TestCase[] => {
    const known = cases.some((item) => matches(skip, item));
    if (known && skip.reason.trim() !== "") return [];
    const text = known ? "It gives no reason" : `No test is named "${skip.test}" in ${skip.file}`;
    return [{ file: "test/allowed-skips.ts", name: skip.test, outcome: "failed", text }];
  });
}

function matches(skip: AllowedSkip, item: TestCase): boolean {
  return skip.file === item.file && skip.test === item.name;
}
