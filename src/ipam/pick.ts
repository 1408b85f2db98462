/** Chooses the next address of a range set: round robin, so that a freed address rests longest. */
import { equalIp, type Ip } from "../lib/ip.ts";
import { type IpRange, ipRange } from "../lib/range.ts";
import { type AddressRange, type RangeSet, rangeFor } from "./range-set.ts";

export interface Pick {
  readonly ip: Ip;
  readonly range: AddressRange;
}

export interface PickRequest {
  readonly set: RangeSet;
  /** Where the last search ended. Absent or outside the set: start at the set's start. */
  readonly last: Ip | undefined;
  /** Never chosen though free: gateways. */
  readonly avoid: (ip: Ip) => boolean;
  /** The lowest free address of a span, if there is one. */
  readonly nextFree: (span: IpRange) => Ip | undefined;
}

/** The first free address after `last`, going through the set's ranges once around. */
export function pickAddress({ set, last, avoid, nextFree }: PickRequest): Pick | undefined {
  for (const { range, span } of searchOrder(set, last)) {
    let rest: IpRange | undefined = span;
    while (rest) {
      const ip = nextFree(rest);
      if (!ip) break;
      if (!avoid(ip)) return { ip, range };
      rest = ip.value < rest.last ? { ...rest, first: ip.value + 1n } : undefined;
    }
  }
  return undefined;
}

/** The set's addresses as spans, beginning after `last` and ending with it. */
function* searchOrder(
  set: RangeSet,
  last: Ip | undefined,
): Generator<{ range: AddressRange; span: IpRange }> {
  const current = last && rangeFor(set, last);
  const start = current ? set.indexOf(current) : 0;
  if (last && current && !equalIp(last, current.last)) {
    yield { range: current, span: { ...whole(current), first: last.value + 1n } };
  }
  for (let i = current ? 1 : 0; i < set.length; i++) {
    const range = set[(start + i) % set.length]!;
    yield { range, span: whole(range) };
  }
  if (last && current) yield { range: current, span: { ...whole(current), last: last.value } };
}

const whole = (range: AddressRange): IpRange => ipRange(range.first, range.last);
