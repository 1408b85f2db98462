/** A test host with `netloom server`, perhaps an agent, and the commands of people. */
import { resolve } from "node:path";
import { type Finished, inside, run, systemPath } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");

export interface Said extends Partial<Finished> {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export class World {
  readonly host: TestHost;
  readonly env: Readonly<Record<string, string>>;
  #daemons: Bun.Subprocess<"ignore", "ignore", "pipe">[] = [];

  private constructor(host: TestHost) {
    this.host = host;
    this.env = {
      NETLOOM_STATE_DIR: `${host.dir}/state`,
      NETLOOM_RUN_DIR: `${host.dir}/run`,
      NETLOOM_CONFIG: `${host.dir}/config.yaml`,
    };
  }

  /** A host on which the server answers, with these further words on its command line. */
  static async make(...words: readonly string[]): Promise<World> {
    const world = new World(await TestHost.create());
    world.host.beforeRemoval(() => {
      for (const daemon of world.#daemons) daemon.kill("SIGKILL");
    });
    await world.start("server", ...words);
    return world;
  }

  /** A host with a network `lab`, and its port `idle` that nobody has attached. */
  static async withLab(): Promise<World> {
    const world = await World.make();
    await world.must("create network lab type=bridge");
    await world.must("create port idle network=lab");
    return world;
  }

  /** Starts `netloom server` or `netloom agent`, and waits until it serves. */
  async start(...words: readonly string[]): Promise<Bun.Subprocess> {
    const daemon = Bun.spawn(inside([executable, ...words], this.host.netns), {
      env: { PATH: systemPath, HOME: "/root", ...this.env },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#daemons.push(daemon);
    const serving = Promise.withResolvers<void>();
    let log = "";
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const chunk of daemon.stderr) {
        log += decoder.decode(chunk, { stream: true });
        if (log.includes('"event":"serving"')) serving.resolve();
      }
      serving.reject(new Error(`netloom ${words.join(" ")} ended: ${log}`));
    };
    read().catch(serving.reject);
    await serving.promise;
    return daemon;
  }

  /** Runs `netloom` with these words, split at blanks; a list of words is taken as it is. */
  netloom(words: string | readonly string[], { stdin, env }: Said = {}): Promise<Finished> {
    const argv = typeof words === "string" ? words.split(" ") : words;
    const options = { netns: this.host.netns, env: { ...this.env, ...env }, stdin };
    return run([executable, ...argv], options);
  }

  /** Runs it on a terminal of its own, which takes standard output and error together. */
  async onTerminal(words: string, env: Readonly<Record<string, string>>): Promise<string> {
    const argv = ["script", "-qec", `${executable} ${words}`, "/dev/null"];
    const options = { netns: this.host.netns, env: { ...this.env, ...env } };
    return (await run(argv, options)).stdout;
  }

  /** Runs it, and gives what it printed. Throws where it fails. */
  async must(words: string | readonly string[], said: Said = {}): Promise<string> {
    const { status, stdout, stderr } = await this.netloom(words, said);
    if (status === 0) return stdout;
    throw new Error(`netloom ${words}: status ${status}: ${stderr}${stdout}`);
  }
}
