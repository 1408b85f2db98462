/** Judges skipped tests: only what `test/allowed-skips.ts` names may be skipped. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TestCase } from "./junit.ts";

/** What may be skipped where this machine's kernel lacks something: one test, or a feature's. */
export type AllowedSkip = AllowedTest | AllowedFeature;

interface AllowedTest {
  /** Path from the project's root. */
  readonly file: string;
  /** Groups and name: `group > name`. */
  readonly test: string;
  /** What is missing, and where the test does run. */
  readonly reason: string;
}

interface AllowedFeature {
  /** As in `needs("…")` of test/support/kernel-features.ts: all tests that need it. */
  readonly feature: string;
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
    const [name, unknown] =
      "feature" in skip
        ? [skip.feature, `No test needs the feature "${skip.feature}"`]
        : [skip.test, `No test is named "${skip.test}" in ${skip.file}`];
    const text = known ? "It gives no reason" : unknown;
    return [{ file: "test/allowed-skips.ts", name, outcome: "failed", text }];
  });
}

function matches(skip: AllowedSkip, item: TestCase): boolean {
  if ("feature" in skip) return neededFeatures(item.name).includes(skip.feature);
  return skip.file === item.file && skip.test === item.name;
}

/** From the name, groups included: `group (needs vlan) > name (needs ipvlan, sctp)`. */
function neededFeatures(name: string): string[] {
  const lists = [...name.matchAll(/\(needs ([^()]+)\)(?= > |$)/g)];
  return lists.flatMap(([, features]) => features!.split(", "));
}
