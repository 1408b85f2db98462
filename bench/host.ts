/** A private host for the bench: this program again, in network and mount namespaces of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createNetns, removeNetns } from "../src/kernel/netns/netns.ts";
import type { Lane } from "./workloads.ts";

const marker = "NETLOOM_BENCH_HOST";

/**
 * True inside the private host. Outside, runs this program's command line again inside one, and
 * exits as that did. The host's own network, mounts and rules stay out of reach.
 */
export function inPrivateHost(): boolean {
  if (process.env[marker] !== undefined) return true;
  const again = ["sh", "-c", 'mount -t sysfs none /sys && ip link set lo up && exec "$@"', "sh"];
  const done = Bun.spawnSync(
    [
      "unshare",
      "--net",
      "--mount",
      "--propagation",
      "private",
      ...again,
      ...process.execArgv,
    ].concat(process.execPath, process.argv.slice(1)),
    { env: { ...process.env, [marker]: "1" }, stdio: ["inherit", "inherit", "inherit"] },
  );
  process.exit(done.exitCode ?? 1);
}

/** Links that stand for physical ones, each made where it is not there yet. */
export function makeParents(names: readonly string[]): void {
  for (const name of names) {
    const look = `ip link show ${name} >/dev/null 2>&1`;
    const make = `ip link add ${name} type veth peer name ${name}w`;
    const raise = `ip link set ${name} up && ip link set ${name}w up`;
    const wire = `${look} || { ${make} && ${raise}; }`;
    Bun.spawnSync(["sh", "-c", wire], { stdio: ["ignore", "ignore", "inherit"] });
  }
}

/** Runs `work` with a directory and `count` empty containers, and removes both after. */
export async function withContainers(
  count: number,
  work: (dir: string, lanes: readonly Lane[]) => Promise<void>,
): Promise<void> {
  const dir = mkdtempSync(`${tmpdir()}/netloom-bench-`);
  const made: string[] = [];
  try {
    const lanes = Array.from({ length: count }, (_, number) => {
      const netns = `${dir}/netns/${number}`;
      createNetns(netns);
      made.push(netns);
      return { number, containerId: `bench-container-${number}`, netns };
    });
    await work(dir, lanes);
  } finally {
    for (const netns of made) removeNetns(netns);
    rmSync(dir, { recursive: true, force: true });
  }
}
