/** The `bandwidth` plugin's configuration. */
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import {
  integer,
  ipPrefix,
  listOf,
  object,
  optional,
  type Parsed,
  record,
} from "../model/parse.ts";

/** The reference takes 64 bits; JSON's numbers are exact up to here. */
const bits = optional(integer(0, Number.MAX_SAFE_INTEGER));

const rateNames = ["ingressRate", "ingressBurst", "egressRate", "egressBurst"] as const;

const limits = object({
  ingressRate: bits,
  ingressBurst: bits,
  egressRate: bits,
  egressBurst: bits,
  shapedSubnets: listOf(ipPrefix),
  unshapedSubnets: listOf(ipPrefix),
});

/** What a configuration may say. */
export const bandwidthKeys = [...rateNames, "shapedSubnets", "unshapedSubnets"] as const;

const runtime = object({ runtimeConfig: optional(object({ bandwidth: optional(record) })) });

type Limits = Parsed<typeof limits>;

/** A rate and a burst, in bytes. */
export interface Rate {
  /** Bytes a second, at least 1. */
  readonly rateBytes: number;
  /** At least 1. */
  readonly burstBytes: number;
}

/** What to limit. */
export interface BandwidthConfig {
  /** Towards the container. */
  readonly ingress?: Rate;
  /** From the container. */
  readonly egress?: Rate;
  /** The other side's addresses; absent: everything is limited. */
  readonly subnets?: {
    /** Whether these are limited and the rest is not, or the other way round. */
    readonly shaped: boolean;
    readonly prefixes: readonly string[];
  };
}

/**
 * Reads a configuration. As with the reference, limits of the runtime count only where the
 * configuration has none of the four, and a zero is no limit. Throws ConfigError.
 */
export function parseBandwidthConfig(
  raw: Readonly<Record<string, unknown>>,
): BandwidthConfig | undefined {
  const configured = limits(raw, "");
  const dynamic = runtime(raw, "").runtimeConfig?.bandwidth;
  const isStatic = dynamic === undefined || hasRates(raw);
  const path = isStatic ? "" : "runtimeConfig.bandwidth";
  const chosen = isStatic ? configured : limits(dynamic, path);
  const ingress = rateOf(chosen, "ingress", path);
  const egress = rateOf(chosen, "egress", path);
  if (!ingress && !egress) return undefined;
  const subnets = subnetsOf(chosen, path) ?? subnetsOf(configured, "");
  return { ...(ingress && { ingress }), ...(egress && { egress }), ...(subnets && { subnets }) };
}

/** Whether any of the four keys is there, whatever the case of its letters and its value. */
function hasRates(raw: Readonly<Record<string, unknown>>): boolean {
  const names = rateNames.map((name) => name.toLowerCase());
  return Object.keys(raw).some((key) => names.includes(key.toLowerCase()));
}

const mostBurstBits = 0xffffffff * 8;

function rateOf(chosen: Limits, direction: "ingress" | "egress", at: string): Rate | undefined {
  const rate = chosen[`${direction}Rate`] ?? 0;
  const burst = chosen[`${direction}Burst`] ?? 0;
  if (rate === 0 && burst === 0) return undefined;
  const path = (name: string) => `${at === "" ? "" : `${at}.`}${direction}${name}`;
  if (burst === 0) {
    throw new ConfigError(
      path("Burst"),
      `must be set where "${direction}Rate" is: the bits that may pass at once after a pause, ` +
        "at least a packet's, better some milliseconds of the rate",
    );
  }
  if (rate === 0) {
    throw new ConfigError(
      path("Rate"),
      `must be set where "${direction}Burst" is: bits a second, as 20000000`,
    );
  }
  for (const [name, value] of [["Rate", rate] as const, ["Burst", burst] as const]) {
    if (value >= 8) continue;
    throw new ConfigError(
      path(name),
      `must be at least 8 bits, not ${value}: the kernel counts bytes`,
    );
  }
  if (burst >= mostBurstBits) {
    throw new ConfigError(
      path("Burst"),
      `must be less than ${mostBurstBits} bits (4 GiB), not ${burst}`,
    );
  }
  return { rateBytes: Math.floor(rate / 8), burstBytes: Math.floor(burst / 8) };
}

function subnetsOf(
  { shapedSubnets, unshapedSubnets }: Limits,
  at: string,
): BandwidthConfig["subnets"] {
  const shaped = shapedSubnets.length > 0;
  if (shaped && unshapedSubnets.length > 0) {
    throw new ConfigError(
      `${at === "" ? "" : `${at}.`}unshapedSubnets`,
      'cannot stand beside "shapedSubnets": keep the one that says which traffic is limited',
    );
  }
  const given = shaped ? shapedSubnets : unshapedSubnets;
  if (given.length === 0) return undefined;
  const prefixes = given.map((subnet) => formatPrefix(networkOf(parsePrefix(subnet))));
  return { shaped, prefixes: [...new Set(prefixes)] };
}
