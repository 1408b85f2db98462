/** The round robin, against a slow search that tries every address. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatIp, type Ip, parseIp } from "../lib/ip.ts";
import { pickAddress } from "./pick.ts";
import {
  type AddressRange,
  addressRange,
  capacity,
  isGateway,
  type RangeSet,
  rangeFor,
} from "./range-set.ts";

const range = (subnet: string, rangeStart = "", rangeEnd = "", gateway = "") =>
  addressRange({ subnet, rangeStart, rangeEnd, gateway }, "range");

/** Picks where `taken` are taken, by trying each address. */
function pick(set: RangeSet, { last, taken }: { last?: string; taken: readonly string[] }) {
  const picked = pickAddress({
    set,
    last: last === undefined ? undefined : parseIp(last),
    avoid: (ip) => isGateway([set], ip),
    nextFree: (span) => {
      for (let value = span.first; value <= span.last; value++) {
        const ip: Ip = { family: span.family, value };
        if (!taken.includes(formatIp(ip))) return ip;
      }
      return undefined;
    },
  });
  return picked && formatIp(picked.ip);
}

describe("the next address", () => {
  const small = [range("10.1.0.0/29")]; // .1 is the gateway, .2 to .6 are given
  const two = [range("10.1.0.0/30"), range("10.2.0.0/30")];
  const table: [string, RangeSet, { last?: string; taken: string[] }, string | undefined][] = [
    ["is the first after the gateway", small, { taken: [] }, "10.1.0.2"],
    ["is the first free one", small, { taken: ["10.1.0.2", "10.1.0.3"] }, "10.1.0.4"],
    [
      "follows the last, though lower ones are free",
      small,
      { last: "10.1.0.4", taken: [] },
      "10.1.0.5",
    ],
    ["starts anew after the range's end", small, { last: "10.1.0.6", taken: [] }, "10.1.0.2"],
    [
      "comes around to the last itself",
      small,
      { last: "10.1.0.4", taken: ["10.1.0.2", "10.1.0.3", "10.1.0.5", "10.1.0.6"] },
      "10.1.0.4",
    ],
    [
      "is none when all are taken",
      small,
      { last: "10.1.0.4", taken: ["10.1.0.2", "10.1.0.3", "10.1.0.4", "10.1.0.5", "10.1.0.6"] },
      undefined,
    ],
    [
      "starts anew if the last is of another range",
      small,
      { last: "10.9.0.4", taken: [] },
      "10.1.0.2",
    ],
    [
      "starts anew if the last is of another family",
      small,
      { last: "fd00::4", taken: [] },
      "10.1.0.2",
    ],
    ["goes on in the set's next range", two, { last: "10.1.0.2", taken: [] }, "10.2.0.2"],
    ["goes from the last range to the first", two, { last: "10.2.0.2", taken: [] }, "10.1.0.2"],
    [
      "is none where only the gateway is left",
      [range("10.1.0.0/24", "10.1.0.1", "10.1.0.1")],
      { taken: [] },
      undefined,
    ],
    [
      "passes a gateway in the middle",
      [range("10.1.0.0/29", "", "", "10.1.0.3")],
      { last: "10.1.0.2", taken: [] },
      "10.1.0.4",
    ],
    [
      "passes a gateway at the end",
      [range("10.1.0.0/29", "10.1.0.2", "10.1.0.6", "10.1.0.6")],
      { last: "10.1.0.5", taken: [] },
      "10.1.0.2",
    ],
    [
      "passes the gateway of another range",
      [
        range("10.1.0.0/24", "10.1.0.2", "10.1.0.3", "10.1.0.20"),
        range("10.1.0.0/24", "10.1.0.20", "10.1.0.21"),
      ],
      { last: "10.1.0.3", taken: [] },
      "10.1.0.21",
    ],
    [
      "may be the very last of IPv6",
      [range("fd00::/64", "fd00::ffff:ffff:ffff:fffe")],
      { last: "fd00::ffff:ffff:ffff:fffe", taken: [] },
      "fd00::ffff:ffff:ffff:ffff",
    ],
  ];
  test.each(table)("%s", (_name, set, state, expected) => {
    expect(pick(set, state)).toBe(expected);
  });
});

/** Up to three disjoint ranges in 10.0.0.0/26, each with any gateway of it. */
const anySet: fc.Arbitrary<RangeSet> = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { minLength: 2, maxLength: 6 }),
    fc.array(fc.integer({ min: 0, max: 63 }), { minLength: 3, maxLength: 3 }),
  )
  .map(([ends, gateways]) => {
    const sorted = ends.toSorted((a, b) => a - b);
    const set: AddressRange[] = [];
    for (let i = 0; i + 1 < sorted.length; i += 2) {
      const [first, last] = [`10.0.0.${sorted[i]}`, `10.0.0.${sorted[i + 1]}`];
      set.push(range("10.0.0.0/26", first, last, `10.0.0.${gateways[i / 2]}`));
    }
    return set;
  });

test("going round gives each address but the gateways exactly once, then none", () => {
  fc.assert(
    fc.property(anySet, fc.option(fc.integer({ min: 0, max: 63 })), (set, start) => {
      const taken: string[] = [];
      let last = start === null ? undefined : `10.0.0.${start}`;
      for (;;) {
        const given = pick(set, { ...(last && { last }), taken });
        if (given === undefined) break;
        expect(taken).not.toContain(given);
        expect(rangeFor(set, parseIp(given))).toBeDefined();
        expect(isGateway([set], parseIp(given))).toBe(false);
        taken.push(given);
        last = given;
      }
      expect(BigInt(taken.length)).toBe(capacity(set));
    }),
    { numRuns: 300 },
  );
});
