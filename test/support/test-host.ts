/**
 * A host for tests, made of network namespaces: the host itself, an outside that acts as its LAN
 * and the internet, and containers. Nothing of it stays after `remove`.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Finished, type RunOptions, run, shell } from "./run.ts";

/** The uplink between host and outside; documentation prefixes, never the machine's addresses. */
export const lan = {
  host4: "198.51.100.1",
  outside4: "198.51.100.2",
  host6: "2001:db8:100::1",
  outside6: "2001:db8:100::2",
  /** Reached through the default route only. */
  internet4: "203.0.113.1",
  internet6: "2001:db8:200::1",
} as const;

/** Where a host's uplink leads in place of an outside of its own: a port of a bridge elsewhere. */
export interface FabricPort {
  /** The uplink's name on the host. */
  readonly link: string;
  readonly netns: string;
  readonly bridge: string;
  /** The far end's name there. */
  readonly bridgePort: string;
  /** The host's, with their lengths. */
  readonly addresses: readonly string[];
  /** By which its default routes lead. */
  readonly gateways: readonly string[];
}

export interface TestHostOptions {
  /** MTU of the host's uplink in bytes; 1500 by default. */
  readonly uplinkMtu?: number;
  /** Runs in the host's namespace before anything else. */
  readonly prepare?: string;
  readonly fabric?: FabricPort;
}

const prefix = "nlt";
const living = new Set<TestHost>();
let made = 0;

export class TestHost {
  /** Name of the host's namespace below /var/run/netns. */
  readonly netns: string;
  readonly outside: string;
  /** A directory of this host's own; `data` (host-local's), `state` and `run` (ours) are in it. */
  readonly dir: string;
  readonly containers: string[] = [];
  readonly #endings: (() => void)[] = [];

  private constructor() {
    made += 1;
    const name = `${prefix}${process.pid}-${made}`;
    this.netns = `${name}h`;
    this.outside = `${name}o`;
    this.dir = mkdtempSync(join(tmpdir(), `${name}-`));
    for (const sub of ["data", "state", "run"]) mkdirSync(join(this.dir, sub));
    living.add(this);
  }

  static async create(options: TestHostOptions = {}): Promise<TestHost> {
    removeAbandoned();
    const host = new TestHost();
    await shell(
      `ip netns add ${host.netns}; ${noDelay(host.netns)}
      ip -n ${host.netns} link set lo up
      ${options.fabric ? joined(host, options.fabric, options) : ownOutside(host, options)}`,
    );
    if (options.prepare !== undefined) await host.shell(options.prepare);
    return host;
  }

  /** Adds a container's namespace and gives its name below /var/run/netns. */
  async addContainer(): Promise<string> {
    const name = `${this.netns.slice(0, -1)}c${this.containers.length + 1}`;
    this.containers.push(name);
    await shell(`ip netns add ${name}; ip -n ${name} link set lo up; ${noDelay(name)}`);
    return name;
  }

  /** Runs a program in the host's namespace. */
  run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(argv, { netns: this.netns, ...options });
  }

  /** Runs a shell script in the host's namespace, or another. */
  shell(script: string, netns: string = this.netns): Promise<string> {
    return shell(script, { netns });
  }

  /** Has `work` done before the host is removed, also where the tests are interrupted. */
  beforeRemoval(work: () => void): void {
    this.#endings.push(work);
  }

  /** Takes the namespaces and leaves the directory, as a disk is left. */
  losePower(): void {
    unmountBelow(this.dir);
    removeNamespaces([...this.containers.splice(0), this.netns, this.outside]);
  }

  /** Removes the namespaces and the directory. */
  async remove(): Promise<void> {
    this.removeNow();
  }

  /** The same without waiting for anything but the kernel, for a dying process. */
  removeNow(): void {
    living.delete(this);
    for (const work of this.#endings) work();
    removeNamespaces([...this.containers, this.netns, this.outside]);
    unmountBelow(this.dir);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A shell script that gives the host an outside of its own. */
function ownOutside({ netns, outside }: TestHost, { uplinkMtu = 1500 }: TestHostOptions): string {
  return `ip netns add ${outside}
      ip -n ${netns} -batch - <<'END'
link add uplink type veth peer name lan netns ${outside}
link set uplink mtu ${uplinkMtu} up
addr add ${lan.host4}/24 dev uplink
addr add ${lan.host6}/64 dev uplink nodad
END
      ip -n ${outside} -batch - <<'END'
link set lo up
link set lan mtu ${uplinkMtu} up
addr add ${lan.outside4}/24 dev lan
addr add ${lan.outside6}/64 dev lan nodad
addr add ${lan.internet4}/32 dev lo
addr add ${lan.internet6}/128 dev lo nodad
END
      ip -n ${netns} route add default via ${lan.outside4}
      ip -n ${netns} route add default via ${lan.outside6}`;
}

/** The same that makes the host's uplink one of the fabric's links. */
function joined({ netns }: TestHost, fabric: FabricPort, { uplinkMtu = 1500 }: TestHostOptions) {
  const { link, bridgePort, addresses, gateways } = fabric;
  return `ip -n ${netns} -batch - <<'END'
link add ${link} type veth peer name ${bridgePort} netns ${fabric.netns}
link set ${link} mtu ${uplinkMtu} up
${addresses.map((address) => `addr add ${address} dev ${link}${nodad(address)}`).join("\n")}
END
      ip -n ${fabric.netns} link set ${bridgePort} mtu ${uplinkMtu} master ${fabric.bridge} up
      ${gateways.map((gateway) => `ip -n ${netns} route add default via ${gateway}`).join("\n")}`;
}

const nodad = (address: string) => (address.includes(":") ? " nodad" : "");

/** Duplicate address detection starts at once, not within a random second. */
function noDelay(netns: string): string {
  const paths = ["all", "default"].map(
    (name) => `/proc/sys/net/ipv6/conf/${name}/router_solicitation_delay`,
  );
  return `nsenter --net=/var/run/netns/${netns} sh -c 'for f in ${paths.join(" ")}; do echo 0 >$f; done'`;
}

/** The path of a container's namespace as a runtime gives it. */
export function netnsPath(name: string): string {
  return `/var/run/netns/${name}`;
}

function removeNamespaces(names: readonly string[]): void {
  if (names.length === 0) return;
  // What an agent leaves running would hold them.
  const ending = (name: string) =>
    `for pid in $(ip netns pids ${name}); do
      grep -q udp-tunnel /proc/$pid/cmdline && kill -KILL $pid
    done`;
  const lines = names.map((name) => `${ending(name)}; ip netns del ${name} 2>/dev/null`);
  Bun.spawnSync(["sh", "-c", lines.join("\n")]);
}

/** Overlays' namespaces, which an agent leaves for the next. */
function unmountBelow(dir: string): void {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  for (const path of mounts.map((line) => line.split(" ")[1] ?? "")) {
    // A process that was killed just now may still hold it.
    if (path.startsWith(`${dir}/`)) Bun.spawnSync(["umount", "-l", path]);
  }
}

let looked = false;

/** Removes what a killed run of these tests left: namespaces of processes that are gone. */
function removeAbandoned(): void {
  if (looked) return;
  looked = true;
  const names = existing("/var/run/netns").filter((name) => isAbandoned(name));
  removeNamespaces(names);
  for (const name of existing(tmpdir())) {
    if (!isAbandoned(name)) continue;
    unmountBelow(join(tmpdir(), name));
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function existing(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function isAbandoned(name: string): boolean {
  const pid = new RegExp(`^${prefix}(\\d+)-\\d`).exec(name)?.[1];
  if (pid === undefined) return false;
  return existing(`/proc/${pid}`).length === 0;
}

function removeAll(): void {
  for (const host of living) host.removeNow();
}

process.on("exit", removeAll);
for (const [signal, number] of [
  ["SIGINT", 2],
  ["SIGTERM", 15],
  ["SIGHUP", 1],
] as const) {
  process.on(signal, () => {
    removeAll();
    process.exit(128 + number);
  });
}
