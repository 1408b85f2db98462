/** Follows the routes to other hosts: with each change, from time to time, on notices. */
import { Monitor, type MonitorEvent } from "../../kernel/netlink/monitor.ts";
import type { Agent } from "../agent.ts";
import { Ticker } from "../ticker.ts";
import { UdpTunnels } from "../udp/udp-tunnels.ts";
import type { Segment } from "../vxlan-guard/guard-table.ts";
import type { Learnt } from "./held.ts";
import { HostRoutes } from "./host-routes.ts";
import { RoutedKernel } from "./kernel.ts";

export class RoutesBetweenHosts implements AsyncDisposable {
  readonly ticker: Ticker;
  readonly #routes: HostRoutes;
  readonly #kernel: RoutedKernel;
  readonly #tunnels: UdpTunnels;
  readonly #monitor: Monitor;
  readonly #watching: Promise<void>;

  /** Watches from now on; works once its ticker is started. Throws SysError. */
  constructor(
    agent: Pick<Agent, "host" | "spec" | "log" | "engine" | "silent" | "tunnel">,
    { learnt, isSole }: { readonly learnt: Learnt; readonly isSole: () => boolean },
  ) {
    const { host, spec, log, engine, silent, tunnel } = agent;
    this.#kernel = new RoutedKernel(`netloom:${engine.paths.instance}:routed`);
    this.#tunnels = new UdpTunnels({ log, onNews: () => this.ticker.nudge() });
    const edges = { learnt, kernel: this.#kernel, tunnels: this.#tunnels, tunnel };
    this.#routes = new HostRoutes({
      host,
      spec,
      log,
      isGone: silent.isGone,
      isSole,
      ...edges,
    });
    const tell = (error: unknown) =>
      log({ level: "error", event: "work failed", what: "routes", error: String(error) });
    this.ticker = new Ticker(async () => this.#routes.pass(), tell, { isGentle: true });
    this.#monitor = new Monitor(["link"]);
    this.#watching = this.#watch().catch(tell);
  }

  /** What networks do not reach; undefined: all that they are to. */
  get trouble(): string | undefined {
    return this.#routes.trouble;
  }

  /** The VXLAN links of its own. */
  get segments(): Segment[] {
    return [...this.#kernel.applied.values()].flatMap((entry) =>
      entry.kind === "device" && entry.type === "vxlan"
        ? [{ vni: entry.id, port: entry.port }]
        : [],
    );
  }

  /** After its ticker has stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#monitor[Symbol.dispose]();
    await this.#watching;
    await this.#tunnels[Symbol.asyncDispose]();
    this.#kernel[Symbol.dispose]();
  }

  async #watch(): Promise<void> {
    for await (const event of this.#monitor) {
      if (!mayTakeRoutes(event)) continue;
      this.#routes.distrust();
      this.ticker.nudge();
    }
  }
}

/** Routes go with their link. Those of containers come and go all the time, and have no such. */
export function mayTakeRoutes(event: MonitorEvent): boolean {
  if (event.kind === "resync") return true;
  if (event.kind !== "link") return false;
  const { gone, link } = event;
  const isContainers = link.kind === "veth" && link.alias !== undefined;
  return !isContainers && (gone || !link.up || link.operState !== "up");
}
