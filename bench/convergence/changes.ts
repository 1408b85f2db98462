/** Single changes among very many: from the deed until the agent's kernel has it. */
import { keyOf } from "../../src/control/objects/keys.ts";
import { decodeEntry, encode } from "../../src/control/objects/stored.ts";
import type { Store } from "../../src/control/store/store.ts";
import { Monitor, type MonitorEvent } from "../../src/kernel/netlink/monitor.ts";
import type { FabricCluster } from "../../test/cluster/cluster.ts";
import type { FabricHost } from "../../test/cluster/fabric-host.ts";
import { kindOf } from "../control/objects.ts";
import { pathOf } from "./entries.ts";
import { blockCidr, hostName, macOf, type NetworkName, peerAddress } from "./objects.ts";

interface About {
  readonly cluster: FabricCluster;
  readonly host: FabricHost;
  /** How many others there are. */
  readonly hosts: number;
  /** Path of the overlay's namespace. */
  readonly overlay: string;
}
type Sought = (event: MonitorEvent) => boolean;

export class Changes implements AsyncDisposable {
  readonly #cluster: FabricCluster;
  readonly #hosts: number;
  readonly #monitors: readonly Monitor[];
  readonly #reading: Promise<unknown>;
  #sought: Sought = () => false;
  #found = () => {};

  constructor({ cluster, host, hosts, overlay }: About) {
    this.#cluster = cluster;
    this.#hosts = hosts;
    this.#monitors = [
      new Monitor(["route"], { netns: pathOf(host.netns) }),
      new Monitor(["neigh"], { netns: overlay }),
    ];
    this.#reading = Promise.all(this.#monitors.map((monitor) => this.#read(monitor)));
  }

  /** Another host holds the block: one commit, as when the server lends it. */
  async blocks(store: Store, network: NetworkName, count: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const cidr = blockCidr(network, i, 0);
      const name = `default.${network}.${cidr.replace(/[./]/g, "-")}`;
      const key = keyOf(kindOf("IPBlock"), { name });
      const entry = (await store.get(key))!;
      const block = decodeEntry(entry) as any;
      const spec = { ...block.spec, host: hostName(this.#other(i)), lease: `moved-${i}` };
      const value = encode({ ...block, spec });
      const isIt: Sought = (event) =>
        event.kind === "route" && !event.gone && event.route.dst === cidr;
      const conditions = [{ key, revision: entry.revision }];
      times.push(await this.#timed(isIt, () => store.commit(conditions, [{ key, value }])));
    }
    return times;
  }

  /** Its binding with the higher epoch is on another host: as that one's agent tells it. */
  async ports(count: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const to = this.#other(i);
      const [mac, at] = [macOf(i), peerAddress(to)];
      const bindings = [{ host: hostName(to), epoch: 2, active: true }];
      const isIt: Sought = (event) =>
        event.kind === "fdb" && event.entry.mac === mac && event.entry.dst === at;
      const move = () => this.#cluster.changeStatus("Port", `port-${i}`, { bindings });
      times.push(await this.#timed(isIt, move));
    }
    return times;
  }

  /** A host far from the `i`-th. */
  #other(i: number): number {
    return (i + (this.#hosts >> 1)) % this.#hosts;
  }

  async #timed(isIt: Sought, deed: () => Promise<unknown>): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#sought = isIt;
    this.#found = resolve;
    const timer = setTimeout(() => reject(new Error("The kernel has no change in 20 s")), 20_000);
    const begun = performance.now();
    try {
      const [endedMs] = await Promise.all([promise.then(() => performance.now()), deed()]);
      // What follows from it elsewhere is over when the next begins.
      await Bun.sleep(100);
      return endedMs - begun;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(monitor: Monitor): Promise<void> {
    for await (const event of monitor) if (this.#sought(event)) this.#found();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const monitor of this.#monitors) monitor[Symbol.dispose]();
    await this.#reading;
  }
}
