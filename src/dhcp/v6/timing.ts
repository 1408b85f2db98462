/** How long a DHCPv6 client waits, and for what. Source: RFC 8415 sections 7.6 and 15. */
import type { ConflictDetection } from "../../model/dhcp.ts";

const second = 1000;

/** The way in which an exchange's message is sent again. */
interface Retransmission {
  readonly firstMs: number;
  readonly longestMs: number;
  /** How often it is sent at most. */
  readonly tries?: number;
}

/**
 * RFC 8415 has a client that finds no server ask once an hour in the end, to spare networks that
 * have none. This one was told that there is a server, so it asks as RFC 3315 had it, every two
 * minutes; a server that asks for more patience (SOL_MAX_RT) gets it.
 */
const solicitLongestMs = 120 * second;

export const retransmissions = {
  SOLICIT: { firstMs: second, longestMs: solicitLongestMs },
  REQUEST: { firstMs: second, longestMs: 30 * second, tries: 10 },
  CONFIRM: { firstMs: second, longestMs: 4 * second },
  RENEW: { firstMs: 10 * second, longestMs: 600 * second },
  REBIND: { firstMs: 10 * second, longestMs: 600 * second },
  RELEASE: { firstMs: second, longestMs: 0, tries: 4 },
  DECLINE: { firstMs: second, longestMs: 0, tries: 4 },
} as const satisfies Record<string, Retransmission>;

export type Question = keyof typeof retransmissions;

/** With other servers to ask, one that fell silent is given up sooner than after ten messages. */
export const triesWithOthers = 3;

/** How long a Confirm is repeated; then the addresses are kept: CNF_MAX_RD. */
export const confirmForMs = 10 * second;
/** The same for addresses of which no lease is known. */
export const rebootTries = 3;

/** So that clients of one daemon don't all ask at once: CNF_MAX_DELAY, SOL_MAX_DELAY. */
export const startDelayMs = second;

/** How others are asked whether they have an address: how often, and the wait after each. */
export const probing: Readonly<
  Record<Exclude<ConflictDetection, "off">, { readonly probes: number; readonly waitMs: number }>
> = {
  /** Hosts on a link answer within milliseconds. */
  fast: { probes: 2, waitMs: 100 },
  /** What RFC 4862 asks for IPv6: DupAddrDetectTransmits, and RFC 4861's RETRANS_TIMER. */
  rfc5227: { probes: 1, waitMs: second },
};

/** RTR_SOLICITATION_INTERVAL; a router may answer no more than once in three seconds. */
export const routerMs = 4 * second;

/** A tenth more or less. */
const spread = (random: () => number) => 0.9 + random() / 5;

/** Until a message is sent again. `lastMs` is the wait before this one, 0 after the first. */
export function waitAfter(
  question: Question,
  lastMs: number,
  { random, longestMs }: { random: () => number; longestMs?: number },
): number {
  const { firstMs, longestMs: usual } = retransmissions[question];
  // Advertisements are collected for no less than the full first wait: section 18.2.1.
  if (lastMs === 0) return firstMs * (question === "SOLICIT" ? 1 + random() / 10 : spread(random));
  const longest = longestMs ?? usual;
  const next = lastMs * (1 + spread(random));
  return longest > 0 && next > longest ? longest * spread(random) : next;
}

/** After a refusal or a conflict: at once would be a storm. */
export function waitAfterSetback(setbacks: number, random: () => number): number {
  return setbacks === 1 ? second : 10 * second * (1 + random() / 4);
}

/** What a server may set by SOL_MAX_RT, in seconds: RFC 8415 section 21.24. */
export const solMaxRt = { least: 60, most: 86_400 } as const;
