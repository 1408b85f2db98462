/**
 * The eight processes: three members of etcd, three servers, two agents on hosts of their own, who
 * reach the servers over TLS with a token of their host.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Client, client } from "../../src/api/client/client.ts";
import type { Transport } from "../../src/api/client/transport.ts";
import {
  type Certificates,
  EtcdCluster,
  makeAuthority,
  makeCertificate,
} from "../store/etcd-cluster.ts";
import { inside, run, shell } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";
import { Supervised } from "./supervised.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");
const hostCount = 2;

/** Where the servers are, as seen from a host: the near end of a cable to it. */
const serversAt = (host: number) => `192.0.2.${4 * host + 1}`;
const hostAt = (host: number) => `192.0.2.${4 * host + 2}`;
const portOf = (server: number) => 7440 + server;

/** One of the eight. */
export interface Victim {
  readonly name: string;
  kill(): Promise<void>;
  start(): void;
  /** Of etcd's members: until it serves. Two that are away at once are no etcd. */
  ready?(): Promise<void>;
}

export interface AgentHost {
  readonly name: string;
  readonly host: TestHost;
  readonly env: Readonly<Record<string, string>>;
  /** The network list of the declared network. */
  readonly list: string;
}

export class Plane {
  readonly dir = mkdtempSync(join(tmpdir(), "netloom-chaos-"));
  readonly victims: Victim[] = [];
  readonly hosts: AgentHost[] = [];
  /** Of each server, to see whether all say the same. */
  readonly clients: Client[];
  /** Of all servers, one standing in for the other. */
  readonly client: Client;
  readonly #cluster: EtcdCluster;
  readonly #certificates: Certificates;
  readonly #supervised: Supervised[] = [];

  private constructor(cluster: EtcdCluster) {
    this.#cluster = cluster;
    const addresses = Array.from({ length: hostCount }, (_, host) => serversAt(host));
    makeAuthority(this.dir, "ca");
    this.#certificates = makeCertificate(this.dir, "ca", "server", addresses);
    const transports = [0, 1, 2].map((index) => transportOf(this.#socket(index)));
    this.clients = transports.map((transport) => client(transport));
    this.client = client(transports);
  }

  static async start(network: string): Promise<Plane> {
    const plane = new Plane(await EtcdCluster.start(3));
    for (let i = 0; i < 3; i++) {
      plane.victims.push({
        name: `etcd ${i}`,
        kill: () => plane.#cluster.kill(i),
        start: () => plane.#cluster.run(i),
        ready: () => plane.#cluster.healthy(i),
      });
    }
    for (let i = 0; i < 3; i++) plane.#startServer(i);
    await plane.answers();
    for (let i = 0; i < hostCount; i++) await plane.#startAgent(i, network);
    return plane;
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
        if (performance.now() > end) throw new Error(`A server does not answer:\n${this.logs()}`);
        await Bun.sleep(50);
      }
    }
  }

  /** The last that each server and agent said. */
  logs(): string {
    return this.#supervised
      .map(
        ({ program }) => `--- ${program.name}\n${readFileSync(program.log, "utf8").slice(-3000)}`,
      )
      .join("\n");
  }

  /** Ends of processes that nobody killed. */
  get ownEnds(): string[] {
    return this.#supervised.flatMap(({ ownEnds }) => ownEnds);
  }

  async remove(): Promise<void> {
    await Promise.all(this.#supervised.map((each) => each.kill()));
    await this.#cluster[Symbol.asyncDispose]();
    for (const { host } of this.hosts) await host.remove();
    rmSync(this.dir, { recursive: true });
  }

  #socket(index: number): string {
    return `${this.dir}/server${index}/api.sock`;
  }

  #startServer(index: number): void {
    const dir = `${this.dir}/server${index}`;
    mkdirSync(dir);
    const { cert, key } = this.#certificates;
    const words = ["--store", this.#cluster.url, "--run-dir", dir, "--state-dir", dir];
    const tls = ["--listen", `:${portOf(index)}`, "--tls-cert", cert, "--tls-key", key];
    this.#supervise({
      name: `server ${index}`,
      argv: [executable, "server", ...words, ...tls],
      env: {},
      log: `${dir}/log`,
    });
  }

  async #startAgent(index: number, network: string): Promise<void> {
    const host = await TestHost.create();
    const name = `h${index}`;
    const env = { NETLOOM_STATE_DIR: `${host.dir}/state`, NETLOOM_RUN_DIR: `${host.dir}/run` };
    const list = `${host.dir}/${network}.conflist`;
    const plugins = [{ type: "netloom", network }];
    writeFileSync(list, JSON.stringify({ cniVersion: "1.1.0", name: network, plugins }));
    const token = `${host.dir}/token`;
    writeFileSync(token, await this.#credential(name));
    await shell(
      `ip link add nlchaos${index} type veth peer name control netns ${host.netns}
      ip addr add ${serversAt(index)}/30 dev nlchaos${index}
      ip link set nlchaos${index} up
      ip -n ${host.netns} addr add ${hostAt(index)}/30 dev control
      ip -n ${host.netns} link set control up`,
    );
    // Each host's agent knows all servers, in an order of its own.
    const servers = [0, 1, 2].map((i) => `https://${serversAt(index)}:${portOf((i + index) % 3)}`);
    const words = ["--host", name, ...servers.flatMap((server) => ["--server", server])];
    words.push("--ca", this.#certificates.ca, "--token-file", token);
    const agent = this.#supervise({
      name: `agent ${name}`,
      argv: inside([executable, "agent", ...words], host.netns),
      env,
      log: `${host.dir}/agent.log`,
    });
    host.beforeRemoval(() => agent.killNow());
    this.hosts.push({ name, host, env, list });
  }

  async #credential(host: string): Promise<string> {
    const env = { NETLOOM_RUN_DIR: resolve(this.#socket(0), "..") };
    const made = await run([executable, "host", "credential", host], { env });
    if (made.status !== 0) throw new Error(`No credential for ${host}: ${made.stderr}`);
    return made.stdout;
  }

  #supervise(program: Supervised["program"]): Supervised {
    const supervised = new Supervised(program);
    this.#supervised.push(supervised);
    this.victims.push({
      name: program.name,
      kill: () => supervised.kill(),
      start: () => supervised.start(),
    });
    supervised.start();
    return supervised;
  }
}

const transportOf =
  (socket: string): Transport =>
  (path, request) =>
    fetch(`http://netloom${path}`, {
      ...request,
      signal: request.signal ?? AbortSignal.timeout(5_000),
      unix: socket,
    });
