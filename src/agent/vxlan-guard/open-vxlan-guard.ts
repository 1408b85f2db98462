/** The guard with all that it stands on, watched. */
import { NftMonitor } from "../../kernel/nft/nft-monitor.ts";
import { vxlanGuardTable } from "../../model/encapsulation.ts";
import type { Agent } from "../agent.ts";
import type { RoutesBetweenHosts } from "../routed/between-hosts.ts";
import { GuardKernel } from "./guard-kernel.ts";
import { VxlanGuard } from "./vxlan-guard.ts";

type Parts = Pick<Agent, "spec" | "log" | "engine" | "overlays"> & {
  readonly between: Pick<RoutesBetweenHosts, "segments">;
};

export class OpenVxlanGuard implements AsyncDisposable {
  readonly guard: VxlanGuard;
  readonly #table: string;
  readonly #kernel: GuardKernel;
  readonly #monitor: NftMonitor;
  readonly #watching: Promise<void>;

  /** Watches from now on; works once its ticker is started. Throws SysError. */
  constructor({ spec, log, engine, overlays, between }: Parts) {
    const instance = engine.paths.instance!;
    this.#table = vxlanGuardTable(instance);
    this.#kernel = new GuardKernel(instance);
    const segments = () => [
      ...overlays.all().flatMap((one) => one.segment ?? []),
      ...between.segments,
    ];
    this.guard = new VxlanGuard({ spec, log, kernel: this.#kernel, segments });
    this.#monitor = new NftMonitor();
    this.#watching = this.#watch().catch((error) =>
      log({ level: "error", event: "work failed", what: "vxlan guard", error: String(error) }),
    );
  }

  /** After its ticker has stopped. All stays as it is, for the next agent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#monitor[Symbol.dispose]();
    await this.#watching;
    this.#kernel[Symbol.dispose]();
  }

  /** Addresses that an outside hand takes are peers' that are kept out. */
  async #watch(): Promise<void> {
    for await (const event of this.#monitor) {
      const isLost = event.kind === "resync" || (event.gone && event.table === this.#table);
      if (isLost) this.guard.ticker.nudge();
    }
  }
}
