/** How many requests callers may make: buckets that fill again with time. Pure but for its map. */
import { formatIp, isIp, parseIp, unmapped } from "../../lib/ip.ts";
import { formatPrefix, networkOf, prefixOf } from "../../lib/prefix.ts";

export interface Rate {
  /** Requests a second, in the long run. */
  readonly perSecond: number;
  /** Requests at once. */
  readonly burst: number;
}

/** As many callers are told apart; those not heard of for longest are forgotten first. */
const mostCallers = 10_000;

interface Bucket {
  left: number;
  atMs: number;
}

export class RateLimit {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes one. Gives 0, or after how many whole seconds there is one again. */
  take(caller: string): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#now();
    const known = this.#buckets.get(caller) ?? { left: burst, atMs: now };
    const left = Math.min(burst, known.left + ((now - known.atMs) / 1000) * perSecond);
    const taken = left >= 1;
    // Put at the end: the first in the map is the one not heard of for longest.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, { left: taken ? left - 1 : left, atMs: now });
    if (this.#buckets.size > mostCallers) this.#buckets.delete(this.#buckets.keys().next().value!);
    return taken ? 0 : Math.max(1, Math.ceil((1 - left) / perSecond));
  }
}

/** IPv6 networks are given whole to one: their addresses do not tell callers apart. */
const peerBits = 64;

/** Whom a peer address stands for. */
export function peerOf(address: string): string {
  const [bare = ""] = address.split("%");
  if (!isIp(bare)) return address;
  const ip = unmapped(parseIp(bare));
  return ip.family === 4 ? formatIp(ip) : formatPrefix(networkOf(prefixOf(ip, peerBits)));
}

export interface Limits {
  /** Of one peer, before anything is known of it. */
  readonly address: Rate;
  /** Failed attempts from one peer. */
  readonly failures: Rate;
  /** Of one token, or of one name of certificates. */
  readonly credential: Rate;
  /** Watches of one credential at once. */
  readonly watches: number;
}

/** An agent of a thousand ports tells of them all when it starts. */
export const usualLimits: Limits = {
  address: { perSecond: 500, burst: 2000 },
  failures: { perSecond: 2, burst: 20 },
  credential: { perSecond: 200, burst: 1000 },
  watches: 100,
};

/** Counts what each caller holds at once. */
export class HoldLimit {
  readonly #most: number;
  readonly #held = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** False: the caller holds as many as he may. */
  take(caller: string): boolean {
    const held = this.#held.get(caller) ?? 0;
    if (held >= this.#most) return false;
    this.#held.set(caller, held + 1);
    return true;
  }

  release(caller: string): void {
    const held = (this.#held.get(caller) ?? 0) - 1;
    if (held > 0) this.#held.set(caller, held);
    else this.#held.delete(caller);
  }
}
