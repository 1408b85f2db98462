/** A server in a process of its own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { restOf, statusMiB } from "../proc.ts";

export interface ServerProcess {
  /** From its start until it answered. */
  readonly readyMs: number;
  get(path: string): Promise<Response>;
  /** When it has had nothing to do for a second; since its start, that second apart. */
  rest(): Promise<{ readonly wallMs: number; readonly cpuMs: number }>;
  memoryMiB(): number;
  peakMiB(): number;
  end(): Promise<void>;
}

const main = join(import.meta.dir, "../../src/main.ts");

export async function startProcess(folder: string, store: string): Promise<ServerProcess> {
  const places = ["--state-dir", folder, "--run-dir", folder, "--store", store];
  const begun = performance.now();
  const child = Bun.spawn([process.execPath, main, "server", ...places], {
    stdout: "ignore",
    stderr: Bun.file(`${folder}/log`),
  });
  const get = (path: string) => fetch(`http://api${path}`, { unix: `${folder}/api.sock` });
  while (!(await get("/readyz").catch(() => undefined))?.ok) {
    if (child.exitCode !== null) throw new Error(readFileSync(`${folder}/log`, "utf8"));
    await Bun.sleep(5);
  }
  const readyMs = performance.now() - begun;
  return {
    readyMs,
    get,
    async rest() {
      const { sinceMs, cpuMs } = await restOf(child.pid);
      return { wallMs: sinceMs - begun, cpuMs };
    },
    memoryMiB: () => statusMiB(child.pid, "VmRSS"),
    peakMiB: () => statusMiB(child.pid, "VmHWM"),
    async end() {
      child.kill();
      await child.exited;
    },
  };
}
