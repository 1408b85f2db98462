/** The addresses that other hosts reach this one by, and when they are others than before. */
import { listAddresses } from "../kernel/netlink/address.ts";
import { Monitor, type MonitorEvent } from "../kernel/netlink/monitor.ts";
import { getRoute } from "../kernel/netlink/route-info.ts";
import { endConnections } from "../kernel/sys/connections.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { Agent } from "./agent.ts";
import { type HostAddresses, hostAddresses } from "./report/host-addresses.ts";

/** Routes of many containers take long to list. */
const freshMs = 5_000;
/** Who renumbers a host takes several steps. */
const settleMs = 200;

interface Known extends HostAddresses {
  readonly atMs: number;
  readonly named: readonly string[] | undefined;
}

export class OwnAddresses implements AsyncDisposable {
  onMoved: () => void = () => {};
  readonly #agent: Pick<Agent, "engine" | "spec" | "host" | "log">;
  readonly #monitor = new Monitor(["address", "route"]);
  readonly #watching: Promise<void>;
  #known: Known | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Watches from now on. Throws SysError. */
  constructor(agent: Pick<Agent, "engine" | "spec" | "host" | "log">) {
    this.#agent = agent;
    this.#watching = this.#watch().catch(this.#tell);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    this.#monitor[Symbol.dispose]();
    await this.#watching;
  }

  /** As they were a moment ago at most. Throws NetlinkError. */
  async now(): Promise<HostAddresses> {
    const known = this.#known;
    const isFresh = known && performance.now() < known.atMs + freshMs;
    return isFresh && Bun.deepEquals(known.named, this.#named) ? known : this.#look();
  }

  get #named(): readonly string[] | undefined {
    const { spec, host } = this.#agent;
    return spec.host(host)?.spec.addresses;
  }

  async #look(): Promise<HostAddresses> {
    const named = this.#named;
    const found = await hostAddresses(this.#agent.engine, named);
    const before = this.#known;
    this.#known = { ...found, named, atMs: performance.now() };
    if (before && !Bun.deepEquals(before.underlay, found.underlay)) {
      this.#agent.log({ level: "info", event: "host addresses", addresses: found.addresses });
      this.onMoved();
    }
    return found;
  }

  async #watch(): Promise<void> {
    for await (const event of this.#monitor) {
      if (!mayMove(event)) continue;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#settled().catch(this.#tell), settleMs);
    }
  }

  async #settled(): Promise<void> {
    await this.#endStranded().catch(this.#tell);
    await this.#look();
  }

  /** What is asked by a connection of an address that is gone waits for its deadline, in vain. */
  async #endStranded(): Promise<void> {
    const ended = await this.#agent.engine.run(({ session }) => {
      const { socket } = session.namespace(hostNetns);
      // A VRF's is local in a table of its own; what routes alone make local is on no link.
      const isOnLink = (ip: string) =>
        listAddresses(socket).some(({ address }) => address.split("/")[0] === ip);
      return endConnections((ip) => getRoute(socket, ip)?.type !== "local" && !isOnLink(ip));
    });
    if (ended.length === 0) return;
    this.#agent.log({ level: "info", event: "connections ended", from: [...new Set(ended)] });
    // The request that it leads to also wakes who waits.
    this.onMoved();
  }

  readonly #tell = (error: unknown): void =>
    this.#agent.log({
      level: "error",
      ...{ event: "work failed", what: "host addresses", error: String(error) },
    });
}

/** Containers' routes and addresses come and go all the time, and are of single addresses. */
export function mayMove(event: MonitorEvent): boolean {
  if (event.kind === "resync") return true;
  if (event.kind === "route") return event.route.dst.endsWith("/0");
  if (event.kind !== "address") return false;
  const { address } = event.address;
  return !/\/(32|128)$/.test(address) && !address.startsWith("fe80:");
}
