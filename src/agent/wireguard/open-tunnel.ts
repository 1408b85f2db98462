/** The host's tunnel with all that it stands on, watched. */
import { Monitor, type MonitorEvent } from "../../kernel/netlink/monitor.ts";
import type { Agent } from "../agent.ts";
import { HostTunnel } from "./host-tunnel.ts";
import { KeyFile } from "./key-file.ts";
import { tunnelLink } from "./tunnel-address.ts";
import { TunnelKernel } from "./tunnel-kernel.ts";

/** Parts of an agent that may want it: it goes once each has said that it does not. */
const users = ["overlays", "routed"] as const;

export class OpenTunnel implements AsyncDisposable {
  readonly tunnel: HostTunnel;
  readonly #kernel: TunnelKernel;
  readonly #monitor: Monitor;
  readonly #watching: Promise<void>;

  /** Watches from now on; works once its ticker is started. Throws SysError. */
  constructor({ host, spec, log, engine }: Pick<Agent, "host" | "spec" | "log" | "engine">) {
    const { instance, stateDir } = engine.paths;
    this.#kernel = new TunnelKernel(instance!);
    const keys = new KeyFile(stateDir);
    this.tunnel = new HostTunnel({ host, spec, log, kernel: this.#kernel, keys, users });
    this.#monitor = new Monitor(["link"]);
    this.#watching = this.#watch().catch((error) =>
      log({ level: "error", event: "work failed", what: "tunnel", error: String(error) }),
    );
  }

  /** After its ticker has stopped. All stays as it is, for the next agent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#monitor[Symbol.dispose]();
    await this.#watching;
    this.#kernel[Symbol.dispose]();
  }

  async #watch(): Promise<void> {
    for await (const event of this.#monitor) {
      if (isAboutTunnel(event)) this.tunnel.distrust();
    }
  }
}

const isAboutTunnel = (event: MonitorEvent): boolean =>
  event.kind === "resync" ||
  (event.kind === "link" && event.link.name === tunnelLink && (event.gone || !event.link.up));
