/** What is on this machine's network and in its state directories, to see that nothing was left. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";

/** Everything that a run could leave, as lines: `link nl0123`, `mount /run/netns/blue`. */
export type Snapshot = ReadonlySet<string>;

/** Where CNI, its runtimes and we keep files by default. Absent ones are fine. */
export const stateDirs = [
  "/var/lib/netloom",
  "/run/netloom",
  "/var/lib/cni",
  "/run/cni",
  "/etc/cni",
  "/opt/cni",
] as const;

/** Forwarding switches: a test on this machine's own namespace would turn them on. */
const sysctls = [
  "net/ipv4/ip_forward",
  "net/ipv6/conf/all/forwarding",
  "net/ipv4/conf/all/route_localnet",
];

/** Looks at the namespaces that this process is in, and at what stands directly in `scratch`. */
export function snapshot(scratch: string): Snapshot {
  return new Set([
    ...links(),
    ...list("/run/netns").map((name) => `namespace ${name}`),
    ...nftTables(),
    ...processes(),
    ...mounts(),
    ...sysctls.map((path) => `sysctl ${path}=${read(`/proc/sys/${path}`).trim()}`),
    ...stateDirs.flatMap(filesBelow),
    ...list(scratch).map((name) => `file ${scratch}/${name}`),
  ]);
}

/** What is there after that was not before, and what was before and is gone, in words. */
export function differences(before: Snapshot, after: Snapshot): string[] {
  const left = [...after].filter((line) => !before.has(line)).map((line) => `left: ${line}`);
  const gone = [...before].filter((line) => !after.has(line)).map((line) => `gone: ${line}`);
  // A process that was here before may end; all else belongs to the machine.
  return [...left, ...gone.filter((line) => !line.startsWith("gone: process "))];
}

/** The differences once they have settled: dying processes get `patienceMs` to go. */
export async function settledDifferences(
  before: Snapshot,
  look: () => Snapshot,
  patienceMs = 3000,
): Promise<string[]> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const found = differences(before, look());
    if (found.length === 0 || Date.now() >= deadline) return found;
    await Bun.sleep(50);
  }
}

function links(): string[] {
  const shown: { ifname: string }[] = JSON.parse(output(["ip", "-j", "link", "show"]) || "[]");
  return shown.map(({ ifname }) => `link ${ifname}`);
}

function nftTables(): string[] {
  const shown = JSON.parse(output(["nft", "-j", "list", "tables"]) || '{"nftables":[]}');
  return shown.nftables
    .filter((item: object) => "table" in item)
    .map(({ table }: { table: { family: string; name: string } }) => {
      return `nftables table ${table.family} ${table.name}`;
    });
}

/** Every process but this one and those that brought it here. Dead ones don't count. */
function processes(): string[] {
  const parents = new Map<number, number>();
  const lines = new Map<number, string>();
  for (const pid of list("/proc").map(Number).filter(Number.isInteger)) {
    const status = read(`/proc/${pid}/status`);
    if (status === "" || /^State:\s+[ZX]/m.test(status)) continue;
    parents.set(pid, Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    const command = read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
    if (command !== "") lines.set(pid, `process ${pid} ${command.slice(0, 120)}`);
  }
  for (let pid: number | undefined = process.pid; pid; pid = parents.get(pid)) lines.delete(pid);
  return [...lines.values()];
}

function mounts(): string[] {
  const lines = read("/proc/self/mountinfo").trimEnd().split("\n");
  return lines.map((line) => `mount ${line.split(" ")[4]}`);
}

/** Empty folders are no state. */
function filesBelow(dir: string): string[] {
  return list(dir).flatMap((name) => {
    const path = `${dir}/${name}`;
    const isDirectory = lstatSync(path, { throwIfNoEntry: false })?.isDirectory();
    return isDirectory ? filesBelow(path) : [`file ${path}`];
  });
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function output(argv: string[]): string {
  const done = Bun.spawnSync(argv, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  if (!done.success) throw new Error(`Cannot run "${argv.join(" ")}": ${done.stderr}`);
  return done.stdout.toString();
}
