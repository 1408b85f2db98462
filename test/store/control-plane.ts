/** A `netloom server` from a copy of the executable outside the repository, and a client of it. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Client, client } from "../../src/api/client/client.ts";
import { type Finished, run } from "../support/run.ts";

const built = resolve(import.meta.dir, "../../dist/netloom");

export class ControlPlane {
  readonly dir = mkdtempSync(join(tmpdir(), "netloom-store-command-"));
  readonly client: Client;
  readonly #env = { NETLOOM_STATE_DIR: `${this.dir}/state`, NETLOOM_RUN_DIR: `${this.dir}/run` };
  #server: Bun.Subprocess | undefined;

  constructor() {
    copyFileSync(built, `${this.dir}/netloom`);
    mkdirSync(`${this.dir}/state`);
    this.client = client((path, request) =>
      fetch(`http://netloom${path}`, { ...request, unix: `${this.dir}/run/api.sock` }),
    );
  }

  /** Runs the executable to its end. */
  netloom(...words: readonly string[]): Promise<Finished> {
    return run([`${this.dir}/netloom`, ...words], { env: this.#env, cwd: this.dir });
  }

  /** Starts a server, of the usual store unless one is named, and waits until it answers. */
  async start(store?: string): Promise<void> {
    const words = store === undefined ? [] : ["--store", store];
    const log = `${this.dir}/log`;
    const server = Bun.spawn([`${this.dir}/netloom`, "server", ...words], {
      env: this.#env,
      stdio: ["ignore", "ignore", Bun.file(log)],
    });
    this.#server = server;
    const answers = () =>
      this.client.raw("/version").then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await answers())) {
      if (server.exitCode !== null) throw new Error(await Bun.file(log).text());
      await Bun.sleep(50);
    }
  }

  async stop(): Promise<void> {
    this.#server?.kill("SIGTERM");
    await this.#server?.exited;
  }

  async remove(): Promise<void> {
    this.#server?.kill("SIGKILL");
    await this.#server?.exited;
    rmSync(this.dir, { recursive: true });
  }
}
