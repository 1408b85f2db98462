/**
 * Networks that were carried by BGP until a moment ago: what this host tells of them goes on, for
 * other hosts take the new way one after the other. Pure.
 */
import type { BgpNetwork, BgpView } from "./view.ts";

/** As long as a VXLAN device stays that this host needs no more. */
const lingerMs = 5_000;

export class Lingering {
  #known = new Map<string, BgpNetwork>();
  readonly #sinceMs = new Map<string, number>();

  /** Networks with backend bgp, and those that linger; in how many ms one of these goes. */
  stage({ networks, routed }: Pick<BgpView, "networks" | "routed">, nowMs: number) {
    const now = new Map(networks.map((network) => [network.name, network]));
    const lingering: BgpNetwork[] = [];
    const waits: number[] = [];
    for (const [name, network] of this.#known) {
      if (now.has(name) || !routed.has(name)) {
        this.#sinceMs.delete(name);
        continue;
      }
      const sinceMs = this.#sinceMs.get(name) ?? nowMs;
      this.#sinceMs.set(name, sinceMs);
      const leftMs = sinceMs + lingerMs - nowMs;
      if (leftMs <= 0) this.#sinceMs.delete(name);
      else {
        lingering.push(network);
        waits.push(leftMs);
      }
    }
    const all = [...networks, ...lingering];
    this.#known = new Map(all.map((network) => [network.name, network]));
    return { networks: all, ...(waits.length > 0 && { waitMs: Math.min(...waits) }) };
  }
}
