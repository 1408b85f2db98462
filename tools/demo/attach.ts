/** Calls the built executable, which calls its plugins as a container runtime does. */
import { join } from "node:path";
import { run } from "./programs.ts";
import { command, DemoError } from "./report.ts";

const root = join(import.meta.dir, "../..");

/** The executable that `make build` makes; NETLOOM_DEMO names another. */
export const executable = process.env.NETLOOM_DEMO ?? join(root, "dist/netloom");

/** From the project's root, as a person would write it. */
const listFile = "examples/demo.conflist";

/** Attaches the namespace to the demo's network and gives its addresses, without prefix length. */
export async function attach(netns: string, ...options: string[]): Promise<string[]> {
  let addresses: string[] = [];
  await netloom(["cni", "add", listFile, netns, ...options], (said) => {
    addresses = said.split("\n").flatMap((line) => /^\s+eth0\s+([^/]+)\//.exec(line)?.[1] ?? []);
    if (addresses.length === 0) throw new DemoError(`no address in what it printed: ${said}`);
    return `has ${addresses.join(" and ")}`;
  });
  return addresses;
}

export async function check(netns: string): Promise<void> {
  await netloom(["cni", "check", listFile, netns], () => "is as it should be");
}

export async function detach(netns: string): Promise<void> {
  await netloom(["cni", "del", listFile, netns], () => "its link, addresses, rules, files: gone");
}

/** Says that no container is left: what stayed for the next one goes too. */
export async function collect(): Promise<void> {
  await netloom(
    ["cni", "gc", listFile, "--all"],
    () => "the bridge, the tables, the counters: gone",
  );
}

async function netloom(words: readonly string[], tell: (said: string) => string): Promise<void> {
  await command(["netloom", ...words].join(" "), async () =>
    tell(await run([executable, ...words], { cwd: root })),
  );
}
