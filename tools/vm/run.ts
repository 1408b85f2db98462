/** Runs suites in the VM: boots it, gives it the job, and hands on each suite's outcome. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestCase } from "../junit.ts";
import { stateDirs } from "../leftovers.ts";
import type { Suite } from "../suites.ts";
import { type Answer, answerFile, type Job, jobFile } from "./job.ts";
import { boot, findKernel, type KernelPackage, type Machine } from "./machine.ts";

export interface SuiteOutcome {
  readonly suite: string;
  readonly cases: readonly TestCase[];
  readonly tookMs: number;
}

const bootTimeoutMs = 180_000;

/** Each suite's outcome as soon as it is there. A VM that stops short fails what is missing. */
export async function* runInVm(job: Job): AsyncGenerator<SuiteOutcome> {
  const missing = job.suites.map(({ name }) => name);
  const started = Date.now();
  const kernel = findKernel(job.root);
  if (!kernel || !Bun.which("qemu-system-x86_64")) {
    const what = kernel ? "qemu-system-x86_64 is not installed" : "there is no kernel package";
    yield stopped(`Cannot start the VM: ${what}. Run "make setup" as root, with a network`, 0);
    return;
  }
  const channel = mkdtempSync(join(tmpdir(), "netloom-vm-"));
  let machine: Machine | undefined;
  try {
    prepare(channel, kernel, job);
    machine = boot(job.root, kernel, channel);
    for (const suite of job.suites) {
      const found = await answer(machine, channel, suite);
      if (typeof found === "string") {
        const text = `${found}\n${machine.console(30)}`;
        yield stopped(
          `Suites without outcome: ${missing.join(", ")}\n${text}`,
          Date.now() - started,
        );
        return;
      }
      missing.shift();
      yield { suite: suite.name, ...found };
    }
    await Promise.race([machine.process.exited, Bun.sleep(10_000)]);
  } finally {
    machine?.process.kill("SIGKILL");
    await machine?.process.exited;
    const log = process.env.NETLOOM_VM_LOG;
    if (log !== undefined && machine) writeFileSync(log, `${machine.console(10_000)}\n`);
    rmSync(channel, { recursive: true, force: true });
  }
}

function stopped(text: string, tookMs: number): SuiteOutcome {
  const name = "the VM runs to its end";
  return { suite: "machine", cases: [{ file: "vm", name, outcome: "failed", text }], tookMs };
}

/** What the scripts inside read: one thing a file, so that a shell can. */
function prepare(channel: string, kernel: KernelPackage, job: Job): void {
  mkdirSync(channel, { recursive: true });
  const write = (name: string, lines: readonly string[]) =>
    writeFileSync(join(channel, name), lines.map((line) => `${line}\n`).join(""));
  const cache = realpathSync(join(job.root, ".cache"));
  write("project", [job.root]);
  write("paths", [job.root, cache]);
  write("bun", [process.execPath]);
  write("modules", [realpathSync(kernel.modules)]);
  write("hidden", stateDirs);
  writeFileSync(jobFile(channel), JSON.stringify(job));
}

/** Waits for the suite's answer; gives words where none will come. */
async function answer(machine: Machine, channel: string, suite: Suite): Promise<Answer | string> {
  const path = answerFile(channel, suite.name);
  const patienceMs = suite.timeoutMs + bootTimeoutMs;
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const ended = machine.process.exitCode !== null || machine.process.signalCode !== null;
    if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8"));
    if (ended) return "The VM stopped. Its console's last words:";
    if (Date.now() > deadline) return `Nothing came within ${patienceMs / 1000} s. Console:`;
    await Bun.sleep(200);
  }
}
