/** Runs one suite as `bun test` and says what came of every test in it. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readReport, type TestCase } from "./junit.ts";
import type { Suite } from "./suites.ts";

const running = new Set<Bun.Subprocess>();

/** For an interrupted run: ends what is under way. */
export function killRunning(): void {
  for (const child of running) child.kill("SIGKILL");
}

/**
 * The outcome of each test, and one more for whatever the report does not know: a file that
 * could not be loaded or holds no test, a crash of the runner, a timeout of the whole suite.
 */
export async function runSuite(suite: Suite, root: string): Promise<TestCase[]> {
  const cases = await Promise.all(partsOf(suite).map((part) => runPart(part, root)));
  return cases.flat();
}

/** Of fewer files, halves would not be worth the second process. */
const fewFiles = 20;

/** What touches nothing of the machine runs in two processes, for most of it waits. */
function partsOf(suite: Suite): readonly Suite[] {
  const isOne = suite.privileged || suite.pattern !== undefined || suite.files.length < fewFiles;
  if (isOne) return [suite];
  return [0, 1].map((part) => ({ ...suite, files: suite.files.filter((_, i) => i % 2 === part) }));
}

async function runPart(suite: Suite, root: string): Promise<TestCase[]> {
  const dir = mkdtempSync(join(tmpdir(), "netloom-report-"));
  try {
    const report = join(dir, "report.xml");
    const { output, status, timedOut } = await bunTest(suite, root, report);
    for (const figure of figuresIn(output)) console.log(`  ${figure}`);
    const pattern = new RegExp(suite.pattern ?? "");
    const all = readReport(readIfPresent(report));
    const cases = all.filter(({ name }) => pattern.test(name));
    if (suite.pattern !== undefined && cases.length > 0) return cases;
    return [...cases, ...unreported(suite, cases, { output, status, timedOut })];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** What tests measured, and assert no bound of that a busy machine could exceed. */
const figuresIn = (output: string): string[] => output.match(/^measured: .*$/gm) ?? [];

interface Finished {
  readonly output: string;
  /** Exit status, or the signal's name. */
  readonly status: number | string;
  readonly timedOut: boolean;
}

async function bunTest(suite: Suite, root: string, report: string): Promise<Finished> {
  const argv = [process.execPath, "test", `--timeout=${suite.testTimeoutMs}`];
  argv.push("--reporter=junit", `--reporter-outfile=${report}`);
  if (suite.pattern !== undefined) argv.push(`--test-name-pattern=${suite.pattern}`);
  const child = Bun.spawn([...argv, ...suite.files.map((file) => `./${file}`)], {
    cwd: root,
    env: { ...process.env, ...suite.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, suite.timeoutMs);
  // Not the pipes' ends but the process's: a left-over child may hold the pipes for ever.
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  await child.exited;
  clearTimeout(timer);
  running.delete(child);
  await Promise.race([Promise.all([out.ended, err.ended]), after(500)]);
  const status = child.signalCode ?? child.exitCode ?? "unknown";
  return { output: `${out.text()}\n${err.text()}`, status, timedOut };
}

/** Resolves after so long, without keeping the process alive for it. */
function after(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}

function collect(stream: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  let text = "";
  const ended = (async () => {
    for await (const chunk of stream) text += decoder.decode(chunk, { stream: true });
  })();
  return { ended, text: () => text };
}

function unreported(suite: Suite, cases: readonly TestCase[], finished: Finished): TestCase[] {
  const { output, status, timedOut } = finished;
  const failure = (file: string, name: string): TestCase => {
    return { file, name, outcome: "failed", text: tail(output) };
  };
  if (timedOut) {
    return [failure(suite.name, `the suite ends within ${suite.timeoutMs / 1000} s`)];
  }
  if (typeof status === "string") {
    return [failure(suite.name, `the suite runs to its end (${status})`)];
  }
  const silent = suite.files.filter((file) => !cases.some((item) => item.file === file));
  if (silent.length > 0) {
    return silent.map((file) => failure(file, "the file loads and holds tests"));
  }
  const failed = cases.some(({ outcome }) => outcome === "failed");
  return status === 0 || failed ? [] : [failure(suite.name, `bun test succeeds (exit ${status})`)];
}

/** Errors outside of tests if there are any, else the end. */
function tail(output: string): string {
  const between = /# Unhandled error between tests\n-+\n([\s\S]*?)\n-{10,}/.exec(output)?.[1];
  return (between ?? output).trim().split("\n").slice(-40).join("\n");
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
