/**
 * The eight processes: three members of etcd, three servers, two agents on hosts of their own, who
 * reach the servers over TLS with a token of their host.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "../../src/api/client/client.ts";
import { executable, lastWords, Servers } from "../cluster/servers.ts";
import { EtcdCluster } from "../store/etcd-cluster.ts";
import { inside, shell } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";
import { Supervised } from "./supervised.ts";

const hostCount = 2;

/** Where the servers are, as seen from a host: the near end of a cable to it. */
const serversAt = (host: number) => `192.0.2.${4 * host + 1}`;
const hostAt = (host: number) => `192.0.2.${4 * host + 2}`;

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
  readonly clients: readonly Client[];
  /** Of all servers, one standing in for the other. */
  readonly client: Client;
  readonly #cluster: EtcdCluster;
  readonly #servers: Servers;
  readonly #supervised: Supervised[] = [];

  private constructor(cluster: EtcdCluster) {
    this.#cluster = cluster;
    const addresses = Array.from({ length: hostCount }, (_, host) => serversAt(host));
    this.#servers = new Servers({ dir: this.dir, count: 3, store: cluster.url, addresses });
    this.clients = this.#servers.clients;
    this.client = this.#servers.client;
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
    for (const program of plane.#servers.programs) plane.#supervise(program);
    await plane.answers();
    for (let i = 0; i < hostCount; i++) await plane.#startAgent(i, network);
    return plane;
  }

  /** Waits until every server answers, as a load balancer's probe would. */
  answers(): Promise<void> {
    return this.#servers.answers();
  }

  /** The last that each server and agent said. */
  logs(): string {
    return lastWords(this.#supervised);
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

  async #startAgent(index: number, network: string): Promise<void> {
    const host = await TestHost.create();
    const name = `h${index}`;
    const env = { NETLOOM_STATE_DIR: `${host.dir}/state`, NETLOOM_RUN_DIR: `${host.dir}/run` };
    const list = `${host.dir}/${network}.conflist`;
    const plugins = [{ type: "netloom", network }];
    writeFileSync(list, JSON.stringify({ cniVersion: "1.1.0", name: network, plugins }));
    await shell(
      `ip link add nlchaos${index} type veth peer name control netns ${host.netns}
      ip addr add ${serversAt(index)}/30 dev nlchaos${index}
      ip link set nlchaos${index} up
      ip -n ${host.netns} addr add ${hostAt(index)}/30 dev control
      ip -n ${host.netns} link set control up`,
    );
    const token = `${host.dir}/token`;
    const words = await this.#servers.wordsFor(name, serversAt(index), token, index);
    const agent = new Supervised({
      name: `agent ${name}`,
      argv: inside([executable, "agent", "--host", name, ...words], host.netns),
      env,
      log: `${host.dir}/agent.log`,
    });
    this.#supervise(agent);
    host.beforeRemoval(() => agent.killNow());
    this.hosts.push({ name, host, env, list });
  }

  #supervise(supervised: Supervised): void {
    this.#supervised.push(supervised);
    this.victims.push({
      name: supervised.program.name,
      kill: () => supervised.kill(),
      start: () => supervised.start(),
    });
    supervised.start();
  }
}
