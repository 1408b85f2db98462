/** Ranges: their ends, their size, and what they share. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { AddressError, formatIp, type Ip, parseIp } from "./ip.ts";
import { parsePrefix } from "./prefix.ts";
import {
  firstOf,
  formatRange,
  type IpRange,
  intersectRanges,
  ipRange,
  lastOf,
  mergeRanges,
  rangeContains,
  rangeOfPrefix,
  rangeSize,
  rangesOverlap,
  subtractRanges,
} from "./range.ts";

const range = (first: string, last: string) => ipRange(parseIp(first), parseIp(last));

test("a range knows its ends, size and text", () => {
  const five = range("10.1.0.5", "10.1.0.9");
  expect(formatIp(firstOf(five))).toBe("10.1.0.5");
  expect(formatIp(lastOf(five))).toBe("10.1.0.9");
  expect(rangeSize(five)).toBe(5n);
  expect(formatRange(five)).toBe("10.1.0.5-10.1.0.9");
  expect(rangeSize(range("::1", "::1"))).toBe(1n);
});

test("a range that ends before it starts, or in the other family, is refused", () => {
  expect(() => range("10.1.0.9", "10.1.0.5")).toThrow(AddressError);
  expect(() => range("10.1.0.9", "::ffff")).toThrow(AddressError);
});

test("a prefix's range spans its network", () => {
  expect(formatRange(rangeOfPrefix(parsePrefix("10.1.0.5/30")))).toBe("10.1.0.4-10.1.0.7");
  expect(rangeSize(rangeOfPrefix(parsePrefix("fd00::/64")))).toBe(1n << 64n);
});

test("containing and overlapping agree with counting", () => {
  const ip = fc.integer({ min: 0, max: 12 }).map((n): Ip => ({ family: 4, value: BigInt(n) }));
  const small = fc
    .tuple(ip, ip)
    .map(([a, b]) => (a.value <= b.value ? ipRange(a, b) : ipRange(b, a)));
  const all = Array.from({ length: 13 }, (_, n): Ip => ({ family: 4, value: BigInt(n) }));
  fc.assert(
    fc.property(small, small, (a, b) => {
      const members = all.filter((each) => rangeContains(a, each));
      expect(BigInt(members.length)).toBe(rangeSize(a));
      expect(rangesOverlap(a, b)).toBe(members.some((each) => rangeContains(b, each)));
    }),
  );
});

test("the families never meet", () => {
  expect(rangeContains(range("0.0.0.0", "255.255.255.255"), parseIp("::1"))).toBe(false);
  expect(rangesOverlap(range("0.0.0.0", "0.0.0.9"), range("::", "::9"))).toBe(false);
});

const small = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 5 }), fc.boolean())
    .map(([first, more, isSixth]): IpRange => {
      const end = { family: isSixth ? 6 : 4 } as const;
      return { ...end, first: BigInt(first), last: BigInt(first + more) };
    }),
  { maxLength: 5 },
);

/** Every address of the ranges by itself. */
const each = (ranges: readonly IpRange[]): Set<string> =>
  new Set(
    ranges.flatMap(({ family, first, last }) =>
      Array.from({ length: Number(last - first) + 1 }, (_, i) =>
        formatIp({ family, value: first + BigInt(i) }),
      ),
    ),
  );

test("sets of ranges merge, meet and subtract as the sets of their addresses do", () => {
  fc.assert(
    fc.property(small, small, (a, b) => {
      const [inA, inB] = [each(a), each(b)];
      expect(each(mergeRanges(a))).toEqual(inA);
      expect(each(intersectRanges(a, b))).toEqual(inA.intersection(inB));
      expect(each(subtractRanges(a, b))).toEqual(inA.difference(inB));
      for (const made of [mergeRanges(a), intersectRanges(a, b), subtractRanges(a, b)]) {
        const touching = made.filter((range, i) => {
          const next = made[i + 1];
          return next?.family === range.family && next.first <= range.last + 1n;
        });
        expect(touching).toEqual([]);
      }
    }),
  );
});
