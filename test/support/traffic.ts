/** Packets between the namespaces of a test host: pings, TCP and UDP. */
import { join } from "node:path";
import { inside, run, systemPath } from "./run.ts";
import type { TestHost } from "./test-host.ts";

/** One thing to try. `address` has no prefix length; `port` is for TCP and UDP. */
export interface Probe {
  readonly kind: "ping" | "tcp" | "udp";
  readonly address: string;
  readonly port?: number;
}

/**
 * Starts a server in a namespace that answers on the ports, TCP and UDP, IPv4 and IPv6, with the
 * sender's address as it sees it. It ends with the host.
 */
export async function serve(
  host: TestHost,
  netns: string,
  ports: readonly number[],
): Promise<void> {
  const script = join(import.meta.dir, "traffic-server.ts");
  const child = Bun.spawn(inside([process.execPath, script, ...ports.map(String)], netns), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    env: { PATH: systemPath },
  });
  host.beforeRemoval(() => child.kill("SIGKILL"));
  for await (const chunk of child.stdout) {
    if (new TextDecoder().decode(chunk).includes("ready")) return;
  }
  throw new Error(`Cannot serve ports ${ports.join(", ")} in namespace "${netns}"`);
}

/**
 * Tries all probes at once from a namespace. For each: the address that the server saw as ours
 * (`reached` for a ping), or null where nothing came back within a second (`patient`).
 */
export async function probe(netns: string, probes: readonly Probe[]): Promise<(string | null)[]> {
  const script = join(import.meta.dir, "traffic-client.ts");
  const stdin = JSON.stringify(probes);
  const env = { NETLOOM_VM: process.env.NETLOOM_VM };
  const finished = await run([process.execPath, script], { netns, stdin, env });
  if (finished.status !== 0) throw new Error(`Cannot try probes: ${finished.stderr}`);
  return JSON.parse(finished.stdout);
}
