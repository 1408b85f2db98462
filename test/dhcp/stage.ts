/** A LAN for DHCP: a host with an uplink, a switch behind it, servers and other hosts on that. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CniAnswer, type CniCommand, callPlugin } from "../support/cni-call.ts";
import { ourDir, root } from "../support/reference.ts";
import { inside, systemPath } from "../support/run.ts";
import { netnsPath, TestHost } from "../support/test-host.ts";

export const prefix = "10.66.0";

/** Waits for a condition, half a minute at most. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { patienceMs = 30_000, said = (): string => "" } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (performance.now() > end) throw new Error(`In vain waited for: ${what}${said()}`);
    await Bun.sleep(20);
  }
}

/** A program that runs beside the test, and what it has said so far. */
export class Beside {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  text = "";
  readonly #events: any[] = [];
  #parsed = 0;

  constructor(
    argv: readonly string[],
    netns: string | undefined,
    env: Record<string, string> = {},
  ) {
    this.#child = Bun.spawn(inside(argv, netns), {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: { PATH: systemPath, ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) void this.#read(stream);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.text += decoder.decode(chunk, { stream: true });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Each line that is JSON. */
  get events(): any[] {
    for (let end = this.text.indexOf("\n", this.#parsed); end >= 0; ) {
      const line = this.text.slice(this.#parsed, end);
      if (line.startsWith("{")) this.#events.push(JSON.parse(line));
      this.#parsed = end + 1;
      end = this.text.indexOf("\n", this.#parsed);
    }
    return this.#events;
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
    this.#child.stdin.flush();
  }

  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<number> {
    this.#child.kill(signal);
    await this.#child.exited;
    return this.#child.exitCode ?? 128;
  }

  async exited(): Promise<number> {
    return this.#child.exited;
  }
}

export interface ServerOptions {
  readonly server: string;
  readonly pool: readonly string[];
  readonly lease?: number;
  readonly t1?: number;
  readonly t2?: number;
  readonly mask?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly mode?: "talk" | "nak" | "silent";
}

export class DhcpStage {
  readonly host: TestHost;
  readonly #running: Beside[] = [];
  #others = 0;

  private constructor(host: TestHost) {
    this.host = host;
    host.beforeRemoval(() => this.#endAll());
  }

  /** The host's link to the LAN is `uplink`; the LAN's switch is `sw`. */
  static async create(): Promise<DhcpStage> {
    const stage = new DhcpStage(await TestHost.create());
    await stage.host.shell("ip addr flush dev uplink");
    await stage.host.shell(
      `ip addr flush dev lan; ip link add sw type bridge; ip link set sw up
      ip link set lan master sw`,
      stage.host.outside,
    );
    return stage;
  }

  /** A namespace on the LAN with this address on its link `eth0`. */
  async addOther(address: string): Promise<string> {
    const name = await this.host.addContainer();
    const port = `port${++this.#others}`;
    await this.host.shell(
      `ip link add ${port} type veth peer name eth0 netns ${name}
      ip link set ${port} master sw up; ip -n ${name} link set eth0 up
      ip -n ${name} addr add ${address} dev eth0`,
      this.host.outside,
    );
    return name;
  }

  run(argv: readonly string[], netns?: string, env?: Record<string, string>): Beside {
    const beside = new Beside(argv, netns, env);
    this.#running.push(beside);
    return beside;
  }

  /** A dnsmasq in a namespace of its own; `more` are options of it. */
  async dnsmasq(netns: string, ...more: string[]): Promise<Beside> {
    const usual = ["--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0"];
    const leases = `--dhcp-leasefile=${this.host.dir}/${netns}.leases`;
    const quick = ["--bind-interfaces", "--no-ping", "--log-dhcp", "--dhcp-authoritative", leases];
    const server = this.run(["dnsmasq", ...usual, ...quick, ...more], netns);
    await until("dnsmasq", () => server.text.includes("sockets bound exclusively"));
    return server;
  }

  /** Our Python server in a namespace of its own. */
  async server(netns: string, options: ServerOptions): Promise<Beside> {
    const told = JSON.stringify({ link: "eth0", ...options });
    const server = this.run(["python3", join(import.meta.dir, "server.py"), told], netns);
    await until("the server", () => server.events.length > 0);
    return server;
  }

  get env(): Record<string, string> {
    const { dir } = this.host;
    return { NETLOOM_STATE_DIR: join(dir, "state"), NETLOOM_RUN_DIR: join(dir, "run") };
  }

  get socket(): string {
    return join(this.host.dir, "run/dhcp.sock");
  }

  /** The daemon, by hand. */
  async daemon(...options: string[]): Promise<Beside> {
    const netloom = join(root, "dist/netloom");
    const daemon = this.run([netloom, "dhcp", ...options], this.host.netns, this.env);
    await until("the daemon", () => daemon.text.includes('"serving"'));
    return daemon;
  }

  /** What the daemon that a plugin began, or we by hand, has logged. */
  get log(): any[] {
    const files = ["run/dhcp.log.old", "run/dhcp.log"].map((name) =>
      readIfThere(join(this.host.dir, name)),
    );
    return files
      .join("")
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  /** One call of a plugin for a container whose namespace has the same name. */
  call(
    command: CniCommand,
    container: string,
    config: object,
    more: object = {},
  ): Promise<CniAnswer> {
    return callPlugin({
      host: this.host,
      plugins: ourDir(),
      command,
      type: (config as { type: string }).type,
      config,
      containerId: container,
      container,
      ...more,
    });
  }

  /** Leases as `netloom dhcp list` tells them. */
  async leases(): Promise<any[]> {
    const netloom = join(root, "dist/netloom");
    const { stdout } = await this.host.run([netloom, "dhcp", "list", "--json"], { env: this.env });
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }

  /** IPv4 addresses of a container's link. */
  async addresses(container: string, link = "eth0"): Promise<string[]> {
    const text = await this.host.shell(`ip -j -4 addr show dev ${link}`, container);
    const [found] = JSON.parse(text);
    return (found?.addr_info ?? []).map((each: any) => `${each.local}/${each.prefixlen}`);
  }

  /** Kills the daemon that is under way, if one is. */
  killDaemon(signal: NodeJS.Signals = "SIGKILL"): number | undefined {
    const pid = Number.parseInt(readIfThere(join(this.host.dir, "run/dhcp.lock")), 10);
    if (!Number.isInteger(pid) || !isNetloom(pid)) return undefined;
    process.kill(pid, signal);
    // Its lock goes with it, and the next one would find it held.
    for (let i = 0; i < 1000 && isRunning(pid); i++) Bun.sleepSync(5);
    return pid;
  }

  #endAll(): void {
    this.killDaemon();
    for (const each of this.#running) if (isRunning(each.pid)) process.kill(each.pid, "SIGKILL");
  }
}

/** A macvlan network by DHCP. */
export function macvlan(ipam: object = {}, more: object = {}) {
  const base = { cniVersion: "1.1.0", name: "lan", type: "macvlan", master: "uplink" };
  return { ...base, ipam: { type: "dhcp", ...ipam }, ...more };
}

export { netnsPath };

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export function isRunning(pid: number): boolean {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat !== "" && !/\) [ZX] /.test(stat);
}

function isNetloom(pid: number): boolean {
  return isRunning(pid) && readIfThere(`/proc/${pid}/cmdline`).includes("dhcp");
}
