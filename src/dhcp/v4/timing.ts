/** How long a DHCPv4 client waits, and for what. */
import type { ConflictDetection } from "../../model/dhcp.ts";

const second = 1000;

/** RFC 2131's first wait is 4 s; a container that starts is waited for, so ours is shorter. */
const firstRetryMs = second;
/** As the reference plugin. */
const longestRetryMs = 62 * second;

/** Until a message is sent again: twice as long each time, a quarter more or less. */
export function retryAfter(
  tries: number,
  random: () => number,
  longestMs = longestRetryMs,
): number {
  const base = Math.min(firstRetryMs * 2 ** Math.min(tries - 1, 20), longestMs);
  return base * (0.75 + random() / 2);
}

/** After a refusal or conflict: at once would be a storm. RFC 2131 section 3.1.5 asks for 10 s. */
export function waitAfterSetback(setbacks: number, random: () => number): number {
  return setbacks === 1 ? second : 10 * second * (1 + random() / 4);
}

/** How often a server is asked for what it offered, or to confirm an address. */
export const maxRequests = 4;
export const maxReboots = 2;

/**
 * While a lease is being renewed: half of what is left of the phase, but a minute at least (RFC
 * 2131 section 4.4.5), and less only with leases so short that a minute is much of them.
 */
export function renewRetryAfter(leftMs: number, leaseMs: number): number {
  return Math.max(leftMs / 2, Math.min(60 * second, Math.max(leaseMs / 20, second / 4)));
}

/** How others are asked whether they have an address. */
interface Probing {
  readonly probes: number;
  readonly firstMs: (random: () => number) => number;
  readonly spaceMs: (random: () => number) => number;
  /** After the last. */
  readonly settleMs: number;
}

export const probing: Readonly<Record<Exclude<ConflictDetection, "off">, Probing>> = {
  /** Hosts on a link answer within milliseconds. */
  fast: { probes: 2, firstMs: () => 0, spaceMs: () => 100, settleMs: 100 },
  /** RFC 5227 section 1.1: 3 to 6 s. */
  rfc5227: {
    probes: 3,
    firstMs: (random) => second * random(),
    spaceMs: (random) => second * (1 + random()),
    settleMs: 2 * second,
  },
};
