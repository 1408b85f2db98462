/** A server with its store, and kubectl before it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { run } from "../support/run.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");
const kubectl = resolve(import.meta.dir, "../../.cache/kubectl/kubectl");

export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class World {
  readonly folder: string;
  /** What was asked, in order: `GET /api/v1/namespaces?limit=500`. */
  readonly asked: string[] = [];
  readonly #server: Subprocess;
  readonly #door: Bun.Server<undefined>;

  private constructor(folder: string, server: Subprocess) {
    this.folder = folder;
    this.#server = server;
    this.#door = openDoor(`${folder}/run/api.sock`, this.asked);
  }

  static async make(): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), "netloom-kubectl-"));
    const places = ["--state-dir", `${folder}/state`, "--run-dir", `${folder}/run`];
    const server = Bun.spawn([executable, "server", ...places], {
      stdout: "ignore",
      stderr: Bun.file(`${folder}/log`),
    });
    const world = new World(folder, server);
    while ((await world.kubectl("get", "namespace", "default")).status !== 0) {
      if (server.exitCode !== null) throw new Error(await Bun.file(`${folder}/log`).text());
      await Bun.sleep(50);
    }
    return world;
  }

  /** kubectl can't speak over Unix sockets. */
  get url(): string {
    return `http://127.0.0.1:${this.#door.port}`;
  }

  kubectl(...words: readonly string[]): Promise<Answer> {
    return run(this.words(...words), { env: this.environment });
  }

  words(...words: readonly string[]): string[] {
    const places = ["--kubeconfig=/dev/null", `--cache-dir=${this.folder}/cache`];
    return [kubectl, ...places, `--server=${this.url}`, ...words];
  }

  get environment(): Readonly<Record<string, string>> {
    return { TMPDIR: this.folder, HOME: this.folder, PATH: process.env.PATH ?? "" };
  }

  /** Writes a file, and gives its path. */
  file(name: string, text: string): string {
    const path = `${this.folder}/${name}`;
    writeFileSync(path, text);
    return path;
  }

  async remove(): Promise<void> {
    this.#server.kill();
    await this.#server.exited;
    await this.#door.stop(true);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A listener on loopback that hands everything on to the socket. */
function openDoor(socket: string, asked: string[]): Bun.Server<undefined> {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.delete("accept-encoding");
      const { method, signal } = request;
      asked.push(`${method} ${pathname}${search}`);
      const body = request.body ? await request.arrayBuffer() : undefined;
      const to = `http://netloom${pathname}${search}`;
      const answer = await fetch(to, { method, headers, body, signal, unix: socket });
      return new Response(answer.body, { status: answer.status, headers: answer.headers });
    },
    error: (error) => new Response(error.message, { status: 502 }),
  });
}
