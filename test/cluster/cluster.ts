/**
 * Hosts on a fabric, each with an agent, under servers that they reach over it by TLS. A test of
 * all pairs:
 *
 *     const cluster = await FabricCluster.start({ hosts: 4 });
 *     await cluster.network("blue", { type: "overlay" }, { cidr: "10.1.0.0/24" });
 *     expect(await unreached(await cluster.attachEverywhere("blue"))).toEqual([]);
 *     await cluster.remove();
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "../../src/api/client/client.ts";
import type { ApiObject } from "../../src/api/object.ts";
import { Declaring } from "../agent/declaring.ts";
import { eventually } from "../agent/world.ts";
import { EtcdCluster } from "../store/etcd-cluster.ts";
import { patient } from "../support/patience.ts";
import type { Box } from "./box.ts";
import { controlAt, Fabric, type FabricOptions } from "./fabric.ts";
import { FabricHost } from "./fabric-host.ts";
import { Servers } from "./servers.ts";

export interface ClusterOptions extends FabricOptions {
  /** How many; they are named h1, h2 … and spread over the segments. */
  readonly hosts: number;
  /** The name of each host's link to the fabric; `uplink` unless told. */
  readonly link?: (host: number) => string;
  readonly servers?: number;
  /** More words of the servers' command lines. */
  readonly serverWords?: readonly string[];
  /** How many members of etcd; 0, SQLite. More servers than one take etcd. */
  readonly etcd?: number;
  /** What is done with etcd's store, by its URL, before a server has it. */
  readonly fill?: (url: string) => Promise<void>;
}

export class FabricCluster extends Declaring {
  readonly client: Client;
  readonly fabric: Fabric;
  readonly servers: Servers;
  readonly etcd: EtcdCluster | undefined;
  readonly hosts: FabricHost[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), "netloom-cluster-"));

  private constructor(
    fabric: Fabric,
    etcd: EtcdCluster | undefined,
    { servers = 1, serverWords: words = [] }: ClusterOptions,
  ) {
    super();
    this.fabric = fabric;
    this.etcd = etcd;
    this.servers = new Servers({
      ...{ dir: this.#dir, count: servers, store: etcd?.url, words },
      addresses: ["127.0.0.1", ...controlAt],
    });
    this.client = this.servers.client;
  }

  static async start(options: ClusterOptions): Promise<FabricCluster> {
    const { hosts, etcd = 0 } = options;
    const store = etcd === 0 ? undefined : await EtcdCluster.start(etcd);
    const cluster = new FabricCluster(await Fabric.make(options), store, options);
    try {
      if (store) await options.fill?.(store.url);
      cluster.servers.start();
      await cluster.servers.answers();
      for (let i = 0; i < hosts; i++) await cluster.addHost(options.link?.(i));
    } catch (error) {
      await cluster.remove();
      throw error;
    }
    return cluster;
  }

  /** One more host, whose agent the control plane has heard of. */
  async addHost(link = "uplink"): Promise<FabricHost> {
    const { fabric, servers, hosts } = this;
    const port = fabric.port(hosts.length, link);
    const host = await FabricHost.make(`h${hosts.length + 1}`, port, fabric);
    // A test that is interrupted removes its hosts, the fabric with the first.
    if (hosts.length === 0) host.world.host.beforeRemoval(() => this.#end());
    hosts.push(host);
    await host.start(servers);
    await this.holds("Host", host.name, ({ status }) => status?.heartbeat !== undefined);
    return host;
  }

  async remove(): Promise<void> {
    for (const host of this.hosts) await host.world.remove();
    this.#end();
    await Promise.all(this.servers.programs.map((program) => program.kill()));
    await this.etcd?.[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Attaches a container on each host at once. */
  attachEverywhere(network: string, args: Record<string, string> = {}): Promise<Box[]> {
    return Promise.all(this.hosts.map((host) => host.attach(network, args)));
  }

  /** Waits until this holds of the object. */
  async holds(
    kind: string,
    name: string,
    condition: (object: ApiObject<any, any>) => boolean,
  ): Promise<ApiObject<any, any>> {
    let found: ApiObject<any, any> | undefined;
    const isMet = async () => {
      found = await this.find(kind, name);
      return found !== undefined && condition(found);
    };
    await eventually(`${kind} "${name}" is as awaited`, isMet, patient(20_000)).catch((error) => {
      throw new Error(`${error.message}: ${JSON.stringify(found)}`);
    });
    return found!;
  }

  #end(): void {
    for (const program of this.servers.programs) program.killNow();
    this.fabric.removeNow();
  }
}

/** Of all ordered pairs, those that don't reach each other, by each address of the latter. */
export async function unreached(boxes: readonly Box[]): Promise<string[]> {
  const pairs = boxes.flatMap((from) =>
    boxes.filter((to) => to !== from).flatMap((to) => to.addresses.map((at) => ({ from, to, at }))),
  );
  const tried = await Promise.all(
    pairs.map(async ({ from, to, at }) =>
      (await from.reaches(at)) ? [] : [`${from.host.name} → ${to.host.name} ${at}`],
    ),
  );
  return tried.flat();
}
