/** `netloom server` processes with TLS on one store, and clients of them. */
import { mkdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Client, client } from "../../src/api/client/client.ts";
import type { Transport } from "../../src/api/client/transport.ts";
import { Supervised } from "../chaos/supervised.ts";
import { type Certificates, makeAuthority, makeCertificate } from "../store/etcd-cluster.ts";
import { run } from "../support/run.ts";

export const executable = resolve(import.meta.dir, "../../dist/netloom");

export interface ServersOptions {
  /** Theirs alone: certificates, and a folder for each. Whoever gives it removes it. */
  readonly dir: string;
  readonly count: number;
  /** As `--store` takes it; absent: SQLite. */
  readonly store?: string;
  /** Where agents reach them. */
  readonly addresses: readonly string[];
  /** More words of their command lines. */
  readonly words?: readonly string[];
}

export class Servers {
  readonly certificates: Certificates;
  readonly programs: readonly Supervised[];
  /** Of each server, to see whether all say the same. */
  readonly clients: readonly Client[];
  /** Of all servers, one standing in for the other. */
  readonly client: Client;
  readonly #dir: string;
  readonly #words: readonly string[];

  constructor({ dir, count, store, addresses, words = [] }: ServersOptions) {
    this.#dir = dir;
    this.#words = words;
    makeAuthority(dir, "ca");
    this.certificates = makeCertificate(dir, "ca", "server", addresses);
    const indexes = Array.from({ length: count }, (_, index) => index);
    this.programs = indexes.map((index) => this.#server(index, store));
    const transports = indexes.map((index) => transportOf(`${this.#dirOf(index)}/api.sock`));
    this.clients = transports.map((transport) => client(transport));
    this.client = client(transports);
  }

  start(): void {
    for (const program of this.programs) program.start();
  }

  /** Waits until every server answers, as a load balancer's probe would. */
  async answers(): Promise<void> {
    for (const each of this.clients) {
      const end = performance.now() + 60_000;
      const isWell = () =>
        each.raw("/api/v1/namespaces/default").then(
          ({ ok }) => ok,
          () => false,
        );
      while (!(await isWell())) {
        const said = () => lastWords(this.programs);
        if (performance.now() > end) throw new Error(`A server does not answer:\n${said()}`);
        await Bun.sleep(50);
      }
    }
  }

  /** The words for an agent's command line: all servers at this address, in an order of its own. */
  async wordsFor(host: string, address: string, tokenFile: string, first = 0): Promise<string[]> {
    const count = this.programs.length;
    const urls = this.programs.map((_, i) => `https://${address}:${portOf((i + first) % count)}`);
    await Bun.write(tokenFile, await this.#credential(host));
    const secrets = ["--ca", this.certificates.ca, "--token-file", tokenFile];
    return [...urls.flatMap((url) => ["--server", url]), ...secrets];
  }

  async #credential(host: string): Promise<string> {
    const env = { NETLOOM_RUN_DIR: this.#dirOf(0) };
    const made = await run([executable, "host", "credential", host], { env });
    if (made.status !== 0) throw new Error(`No credential for ${host}: ${made.stderr}`);
    return made.stdout;
  }

  #dirOf = (index: number) => `${this.#dir}/server${index}`;

  #server(index: number, store: string | undefined): Supervised {
    const dir = this.#dirOf(index);
    mkdirSync(dir);
    const { cert, key } = this.certificates;
    const words = ["--run-dir", dir, "--state-dir", dir, ...(store ? ["--store", store] : [])];
    const tls = ["--listen", `:${portOf(index)}`, "--tls-cert", cert, "--tls-key", key];
    return new Supervised({
      name: `server ${index}`,
      argv: [executable, "server", ...words, ...tls, ...this.#words],
      env: {},
      log: `${dir}/log`,
    });
  }
}

const portOf = (server: number) => 7440 + server;

/** The last that each program said. */
export const lastWords = (programs: readonly Supervised[]): string =>
  programs
    .map(({ program }) => `--- ${program.name}\n${readFileSync(program.log, "utf8").slice(-3000)}`)
    .join("\n");

const transportOf =
  (socket: string): Transport =>
  (path, request) =>
    fetch(`http://netloom${path}`, {
      ...request,
      signal: request.signal ?? AbortSignal.timeout(5_000),
      unix: socket,
    });
