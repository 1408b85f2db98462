/** A process that works on a store as a plugin does, for races and kills. */
import { accessSync, writeSync } from "node:fs";
import { withLock } from "../../src/engine/host-local/lock.ts";
import { openStore, type StoreOptions } from "../../src/engine/host-local/store.ts";
import { rangeSetsOf } from "../../src/engine/host-local/store-fixture.ts";
import { formatIp } from "../../src/lib/ip.ts";

export interface Step {
  /** `hold` takes the lock and keeps it until the process dies. */
  readonly kind: "add" | "del" | "hold";
  readonly id: string;
  /** For `add`: a subnet, or an `ipam` object. */
  readonly ipam?: unknown;
}

export interface Job {
  readonly options: StoreOptions;
  readonly steps: readonly Step[];
}

/** What a step came to: addresses, or an error's name. */
export interface Outcome {
  readonly id: string;
  readonly ips?: readonly string[];
  readonly error?: string;
}

/** A look at these tells a tracer where the work begins and ends. */
export const marks = { begin: "/netloom-work-begins", end: "/netloom-work-ends" };

const worker = import.meta.path;

/** Starts a process that does the job. */
export function startWorker(job: Job, tracer: readonly string[] = []) {
  const argv = [...tracer, process.execPath, worker, JSON.stringify(job)];
  return Bun.spawn(argv, { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
}

/** What a worker printed, once it has ended well. */
export async function outcomes(child: ReturnType<typeof startWorker>): Promise<Outcome[]> {
  const [text, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`Worker failed: ${errors}`);
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Outcome);
}

async function work({ options, steps }: Job): Promise<void> {
  mark(marks.begin);
  for (const step of steps) print(await outcome(options, step));
  mark(marks.end);
}

async function outcome(options: StoreOptions, { kind, id, ipam }: Step): Promise<Outcome> {
  const attachment = { containerId: id, ifName: "eth0" };
  const store = openStore(options);
  try {
    if (kind === "del") return { id, ips: store.release(attachment).map(formatIp) };
    if (kind === "hold") hold(`${options.dataDir}/${options.network}`);
    const { rangeSets } = rangeSetsOf(ipam);
    const given = store.reserve({ ...attachment, rangeSets });
    store.durable().finish();
    return { id, ips: given.map(({ address }) => address.split("/")[0]!) };
  } catch (error) {
    return { id, error: (error as Error).name };
  }
}

function hold(directory: string): void {
  withLock(directory, () => {
    print({ id: "holder" });
    Bun.sleepSync(120_000);
  });
}

const print = (value: Outcome) => writeSync(1, `${JSON.stringify(value)}\n`);

function mark(path: string): void {
  try {
    accessSync(path);
  } catch {
    // It never exists.
  }
}

if (import.meta.main) await work(JSON.parse(process.argv[2] ?? "") as Job);
