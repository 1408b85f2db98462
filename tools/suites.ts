/** Which tests there are: every `*.test.ts` belongs to exactly one suite, by its place and name. */
import { Glob } from "bun";

/** Test files that run together in one `bun test`. */
export interface Suite {
  readonly name: string;
  /** Relative to the project's root. */
  readonly files: readonly string[];
  /** Whether it touches the kernel, and so runs as root on the private host. */
  readonly privileged: boolean;
  /** The whole suite is ended, and has failed, after so long. */
  readonly timeoutMs: number;
  /** A single test has failed after so long, where it does not say otherwise. */
  readonly testTimeoutMs: number;
  /** Only tests whose name this regular expression finds. */
  readonly pattern?: string;
  /** Added to the environment of its tests. */
  readonly env?: Readonly<Record<string, string>>;
}

const second = 1000;
const minute = 60 * second;

/** Cheap and basic first: what fails early explains what fails late. Others follow by name. */
const order = ["unit", "kernel", "differential", "swap", "crash", "bad-input", "load", "e2e"];

/** The suites of the test files at these paths, in the order in which they run. */
export function suitesOf(paths: readonly string[]): Suite[] {
  const byName = new Map<string, string[]>();
  for (const path of paths) {
    const name = suiteName(path);
    byName.set(name, [...(byName.get(name) ?? []), path]);
  }
  return [...byName]
    .map(([name, files]) => suite(name, files.sort()))
    .sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
}

/** Paths of all test files below `root`. */
export function testFiles(root: string): string[] {
  const glob = new Glob("{src,tools,bench,test}/**/*.test.ts");
  return [...glob.scanSync({ cwd: root })].sort();
}

/**
 * The files that names of suites and paths of files ask for, all where nothing is named. `unknown`
 * names neither; "checks" is no suite of files.
 */
export function choose(
  paths: readonly string[],
  names: readonly string[],
): { files: readonly string[]; unknown: string[] } {
  if (names.length === 0) return { files: paths, unknown: [] };
  const isMeant = (path: string) => names.includes(path) || names.includes(suiteName(path));
  const known = new Set(["checks", ...paths, ...paths.map(suiteName)]);
  return {
    files: paths.filter(isMeant),
    unknown: names.filter((name) => !known.has(name)),
  };
}

function suite(name: string, files: readonly string[]): Suite {
  const privileged = name !== "unit";
  return {
    name,
    files,
    privileged,
    timeoutMs: privileged ? 20 * minute : 10 * minute,
    testTimeoutMs: privileged ? 2 * minute : minute,
  };
}

/** A folder of `test/` is a suite, but for what the suites are built from. */
function suiteName(path: string): string {
  const [top, folder, rest] = path.split("/");
  if (top === "test" && rest !== undefined && folder !== "support") return folder!;
  return path.endsWith(".kernel.test.ts") ? "kernel" : "unit";
}

function rank(name: string): number {
  const index = order.indexOf(name);
  return index === -1 ? order.length : index;
}
