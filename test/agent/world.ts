/** A test host with an agent, a control plane in memory, and network lists that name networks. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Finished, inside, run, systemPath } from "../support/run.ts";
import { TestHost, type TestHostOptions } from "../support/test-host.ts";
import { FakeControl } from "./fake-control.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");

export interface AgentStart {
  readonly command?: "agent" | "up";
  /** Further words on its command line. */
  readonly words?: readonly string[];
  /** A socket; by default that of the world's own control plane. */
  readonly server?: string;
  /** What the agent sees at paths in place of what is there. */
  readonly binds?: Readonly<Record<string, string>>;
  readonly stateDir?: string;
}

export class World {
  readonly host: TestHost;
  /** What the API calls the host. */
  readonly name: string;
  readonly control: FakeControl;
  readonly env: Readonly<Record<string, string>>;
  #agent: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  #log = "";

  private constructor(host: TestHost, name: string) {
    this.host = host;
    this.name = name;
    this.control = new FakeControl(`${host.dir}/run/api.sock`);
    this.env = {
      NETLOOM_STATE_DIR: `${host.dir}/state`,
      NETLOOM_RUN_DIR: `${host.dir}/run`,
      NETLOOM_CONFIG: `${host.dir}/config.yaml`,
    };
  }

  static async make({ control = true, name = "h1", host = {} as TestHostOptions } = {}) {
    const world = new World(await TestHost.create(host), name);
    world.host.beforeRemoval(() => world.#agent?.kill("SIGKILL"));
    if (control) world.control.start();
    return world;
  }

  async remove(): Promise<void> {
    await this.control.stop();
    await this.host.remove();
  }

  get agentPid(): number | undefined {
    return this.#agent?.pid;
  }

  /** What the agent has logged. */
  get log(): string {
    return this.#log;
  }

  /** Declares a network with one subnet. */
  declare(name: string, spec: Record<string, unknown>, cidr?: string): void {
    const metadata = { name, namespace: "default" };
    const usual = { hairpin: true, antiSpoofing: true, mtu: 0 };
    this.control.put("networks", { metadata, spec: { ...usual, ...spec } });
    if (cidr !== undefined)
      this.control.put("subnets", { metadata, spec: { network: name, cidr } });
  }

  /** A network list of one plugin; gives its path. */
  list(name: string, network: string, more: Record<string, unknown> = {}): string {
    const path = `${this.host.dir}/${name}.conflist`;
    const capabilities = { portMappings: true };
    const plugin = { type: "netloom", network, capabilities, ...more };
    writeFileSync(path, JSON.stringify({ cniVersion: "1.1.0", name, plugins: [plugin] }));
    return path;
  }

  /** Of the control plane in memory. */
  get apiSocket(): string {
    return `${this.host.dir}/run/api.sock`;
  }

  /** Starts an agent, and waits until it serves. */
  async startAgent({
    command = "agent",
    server,
    binds,
    stateDir,
    words = [],
  }: AgentStart = {}): Promise<void> {
    const argv = [executable, command, "--host", this.name, ...words];
    if (server !== undefined) argv.push("--server", `unix:${server}`);
    if (stateDir !== undefined) argv.push("--state-dir", stateDir);
    const agent = Bun.spawn(inside(withBinds(argv, binds), this.host.netns), {
      env: { PATH: systemPath, HOME: "/root", ...this.env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#agent = agent;
    const serving = Promise.withResolvers<void>();
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const chunk of agent.stderr) {
        this.#log += decoder.decode(chunk, { stream: true });
        if (this.#log.includes('"instance":')) serving.resolve();
      }
      serving.reject(new Error(`The agent ended: ${this.#log}`));
    };
    this.#log = "";
    void read();
    await serving.promise;
  }

  /** Starts one more on the same directories, and waits for its end. */
  async secondAgent(): Promise<{ readonly exitCode: number; readonly stderr: string }> {
    const { status, stderr } = await run([executable, "agent", "--host", "h2"], {
      netns: this.host.netns,
      env: this.env,
    });
    return { exitCode: status, stderr };
  }

  async endAgent(signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    this.#agent?.kill(signal);
    return (await this.#agent?.exited) ?? 0;
  }

  signalAgent(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#agent?.kill(signal);
  }

  /** Runs `netloom` with these words, throws where it fails, and gives what it printed. */
  async done(words: readonly string[], stdin = ""): Promise<string> {
    const { status, stdout, stderr } = await this.netloom(words, stdin);
    if (status === 0) return stdout;
    throw new Error(`netloom ${words.join(" ")}: ${stdout}${stderr}\n${this.#log}`);
  }

  /** Runs `netloom cni` with these words. */
  cni(verb: string, ...words: readonly string[]): Promise<Finished> {
    const places = ["--cache-dir", `${this.host.dir}/cache`, "--conf-dir", this.host.dir];
    return this.netloom(["cni", verb, ...places, ...words]);
  }

  /** Runs `netloom` with these words. */
  netloom(words: readonly string[], stdin = ""): Promise<Finished> {
    const env = { ...this.env, NETLOOM_CONFIG: `${this.host.dir}/config.yaml` };
    return run([executable, ...words], { netns: this.host.netns, env, stdin });
  }

  /** Runs it, throws where it fails, and gives the result where there is one. */
  async must(verb: string, ...words: readonly string[]): Promise<any> {
    const { status, stdout, stderr } = await this.cni(verb, "--json", ...words);
    if (status !== 0) throw new Error(`netloom cni ${verb}: ${stdout}${stderr}\n${this.#log}`);
    return stdout.trim() === "" ? undefined : JSON.parse(stdout);
  }
}

/** The command line that runs `argv` where other files are at these paths. */
function withBinds(argv: readonly string[], binds: AgentStart["binds"] = {}): string[] {
  const mounts = Object.entries(binds).map(([path, file]) => `mount --bind '${file}' '${path}'`);
  if (mounts.length === 0) return [...argv];
  return [
    "unshare",
    "-m",
    "--propagation",
    "slave",
    "sh",
    "-ec",
    `${mounts.join("; ")}; exec "$@"`,
    "sh",
    ...argv,
  ];
}

/** Waits until it holds; throws with the state that it had at last. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patienceMs = 10_000,
): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It never came to be that ${what}`);
    await Bun.sleep(20);
  }
}
