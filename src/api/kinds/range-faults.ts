/** What is wrong with lists of ranges of addresses. */
import { type Ip, parseIp } from "../../lib/ip.ts";
import { containsIp, type Prefix } from "../../lib/prefix.ts";
import { type IpRange, ipRange, rangesOverlap } from "../../lib/range.ts";
import type { Fault } from "../object.ts";

interface RangeText {
  readonly start: string;
  readonly end: string;
}

/** Ends before starts, ranges that share addresses, and addresses that are not of the subnet. */
export function rangeFaults(
  ranges: readonly RangeText[] = [],
  path: string,
  cidr?: { readonly text: string; readonly prefix: Prefix },
): Fault[] {
  const faults: Fault[] = [];
  const fault = (at: string, message: string) =>
    faults.push({ path: at, reason: "FieldValueInvalid", message });
  const inside = (at: string, address: string): Ip | undefined => {
    const ip = parseIp(address);
    if (!cidr || containsIp(cidr.prefix, ip)) return ip;
    fault(at, `must be an address of ${cidr.text}`);
    return undefined;
  };
  const before: { readonly path: string; readonly range: IpRange }[] = [];
  for (const [i, { start, end }] of ranges.entries()) {
    const own = `${path}[${i}]`;
    const first = inside(`${own}.start`, start);
    const last = inside(`${own}.end`, end);
    if (!first || !last) continue;
    if (first.family !== last.family || first.value > last.value) {
      fault(own, `must not end before its start ${start}`);
      continue;
    }
    const range = ipRange(first, last);
    const other = before.find((one) => rangesOverlap(one.range, range));
    if (other) fault(own, `overlaps ${other.path.slice("spec.".length)}: join them, or move one`);
    before.push({ path: own, range });
  }
  return faults;
}
