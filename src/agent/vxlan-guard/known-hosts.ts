/** From which addresses other hosts may send, also for a while after they have others. Pure. */
import type { HostPeer } from "../../api/elsewhere.ts";
import { canonicalIp } from "../../lib/ip.ts";

/**
 * So long an address that no host has any more is let through: a host goes on sending from it until
 * it hears itself that it has another, which takes longer where its agent is down.
 */
const lingerMs = 5 * 60_000;

const families = [".", ":"];

export class KnownHosts {
  /** By host. */
  #known: ReadonlyMap<string, readonly string[]> = new Map();
  /** Since when no host has the address. */
  readonly #strayMs = new Map<string, number>();

  /** A host that tells no address of a family for a moment has those that it had. */
  addresses(peers: readonly HostPeer[]): ReadonlySet<string> {
    this.#known = new Map(
      peers.map(({ metadata: { name }, spec }) => {
        const told = spec.underlay.map(({ address }) => canonicalIp(address));
        const before = this.#known.get(name) ?? [];
        const has = (all: readonly string[], family: string) =>
          all.filter((address) => address.includes(family));
        const all = families.flatMap((family) =>
          has(has(told, family).length > 0 ? told : before, family),
        );
        return [name, all];
      }),
    );
    return new Set([...this.#known.values()].flat());
  }

  /** Which of the addresses in force, that no host has, are to go by now. */
  due(strays: readonly string[], nowMs: number): string[] {
    const now = new Set(strays);
    for (const address of this.#strayMs.keys())
      if (!now.has(address)) this.#strayMs.delete(address);
    for (const address of now) if (!this.#strayMs.has(address)) this.#strayMs.set(address, nowMs);
    return [...now].filter((address) => nowMs >= this.#strayMs.get(address)! + lingerMs);
  }
}
