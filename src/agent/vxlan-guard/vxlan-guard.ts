/** Keeps strangers' packets out of this host's VXLAN links, as its node spec knows its peers. */
import type { HostPeer } from "../../api/elsewhere.ts";
import { canonicalIp } from "../../lib/ip.ts";
import type { Log } from "../../lib/log.ts";
import { encryptedVxlanPort } from "../../model/encapsulation.ts";
import type { NodeSpec } from "../spec/node-spec.ts";
import { Ticker } from "../ticker.ts";
import type { GuardKernel } from "./guard-kernel.ts";
import type { Segment } from "./guard-table.ts";
import { Strays } from "./strays.ts";

/** Links come and go without a word to this part, and outside hands say none. */
const lookMs = 10_000;
/** Hosts are told of with a host's first network: it may be told before them. */
const settleMs = 5_000;

interface About {
  readonly spec: Pick<NodeSpec, "isComplete" | "revision" | "all">;
  readonly kernel: Pick<GuardKernel, "bring" | "grow" | "shrink" | "remove">;
  /** The VXLAN links that this agent has made. */
  readonly segments: () => readonly Segment[];
  readonly log: Log;
}

export class VxlanGuard {
  /** To be nudged when other hosts are. */
  readonly ticker: Ticker;
  readonly #about: About;
  readonly #strays = new Strays();
  /** When a whole spec was first heard. */
  #heardMs: number | undefined;
  /** Since when there are segments. */
  #wantedMs: number | undefined;
  #trouble: string | undefined;

  constructor(about: About) {
    this.#about = about;
    this.ticker = new Ticker(
      async () => this.pass(),
      (error) => this.#note(String(error)),
      // A thousand hosts are told of one after the other.
      { isGentle: true },
    );
  }

  /** Gives in how many ms to look again. Throws NftError. */
  pass(nowMs = performance.now()): number {
    const { spec, kernel, segments, log } = this.#about;
    const addresses = addressesOf(spec.all<HostPeer>("hostpeers"));
    const plain = segments().filter(({ port }) => port !== encryptedVxlanPort);
    const waitMs = this.#unsettledMs(plain.length > 0, nowMs);
    if (waitMs > 0) {
      // What an earlier agent left must not keep out who is told now.
      kernel.grow(addresses);
    } else if (plain.length === 0) {
      if (kernel.remove()) log({ level: "info", event: "vxlan guard removed" });
    } else {
      const { isChanged, strays } = kernel.bring(plain, addresses);
      kernel.shrink(this.#strays.due(strays, nowMs));
      const about = { segments: plain.length, addresses: addresses.size };
      if (isChanged) log({ level: "info", event: "vxlan guard changed", ...about });
    }
    this.#note(undefined);
    return waitMs > 0 ? Math.min(waitMs, lookMs) : lookMs;
  }

  /** For how long nothing may be dropped, or given up, that was not before. */
  #unsettledMs(isWanted: boolean, nowMs: number): number {
    const { spec } = this.#about;
    if (!spec.isComplete || spec.revision === undefined) return lookMs;
    this.#heardMs ??= nowMs;
    this.#wantedMs = isWanted ? (this.#wantedMs ?? nowMs) : undefined;
    return (this.#wantedMs ?? this.#heardMs) + settleMs - nowMs;
  }

  #note(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    const { log } = this.#about;
    if (trouble === undefined) log({ level: "info", event: "vxlan guard in force" });
    else log({ level: "error", event: "vxlan guard not in force", error: trouble });
  }
}

/** As the kernel tells them. */
const addressesOf = (peers: readonly HostPeer[]): Set<string> =>
  new Set(peers.flatMap(({ spec }) => spec.underlay.map(({ address }) => canonicalIp(address))));
