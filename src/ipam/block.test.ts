/** How a subnet is cut, which addresses are given, and which block is the next. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatIp, parseIp } from "../lib/ip.ts";
import { formatPrefix, overlaps, parsePrefix } from "../lib/prefix.ts";
import { formatRange, ipRange, rangeOfPrefix, rangesOverlap } from "../lib/range.ts";
import { blockAround, blockName, dutyOf, givenRanges, nextBlock, wishableRanges } from "./block.ts";

const range = (first: string, last = first) => ipRange(parseIp(first), parseIp(last));
const bare = (cidr: string) => ({
  cidr: parsePrefix(cidr),
  allocationPools: [],
  reserved: [],
});

describe("what is given", () => {
  test("is all but the network's own addresses, gateway, service address and reserved ones", () => {
    const layout = {
      ...bare("10.1.0.0/24"),
      gateway: parseIp("10.1.0.1"),
      serviceAddress: parseIp("10.1.0.2"),
      reserved: [range("10.1.0.100", "10.1.0.110")],
    };
    expect(givenRanges(layout).map(formatRange)).toEqual([
      "10.1.0.3-10.1.0.99",
      "10.1.0.111-10.1.0.254",
    ]);
    expect(wishableRanges(layout).map(formatRange)).toEqual(["10.1.0.3-10.1.0.254"]);
  });

  test("is what the allocation pools have, and a wish may lie beside them", () => {
    const layout = { ...bare("10.1.0.0/24"), allocationPools: [range("10.1.0.0", "10.1.0.9")] };
    expect(givenRanges(layout).map(formatRange)).toEqual(["10.1.0.1-10.1.0.9"]);
    expect(wishableRanges(layout).map(formatRange)).toEqual(["10.1.0.1-10.1.0.254"]);
  });

  test("is never what has a duty in the subnet", () => {
    const layout = {
      ...bare("10.1.0.0/24"),
      gateway: parseIp("10.1.0.1"),
      serviceAddress: parseIp("10.1.0.2"),
    };
    const table = {
      "10.1.0.0": "the network's own address",
      "10.1.0.1": "the gateway",
      "10.1.0.2": "the service address",
      "10.1.0.255": "the broadcast address",
    };
    for (const [address, duty] of Object.entries(table)) {
      expect(dutyOf(layout, parseIp(address))).toBe(duty);
    }
    expect(dutyOf(layout, parseIp("10.1.0.3"))).toBeUndefined();
  });

  const wholes: [string, string[]][] = [
    ["10.1.0.0/31", ["10.1.0.0-10.1.0.1"]],
    ["10.1.0.4/32", ["10.1.0.4-10.1.0.4"]],
    ["fd00::/126", ["fd00::1-fd00::3"]],
    ["fd00::/127", ["fd00::-fd00::1"]],
    ["fd00::/64", ["fd00::1-fd00::ffff:ffff:ffff:ffff"]],
  ];
  test.each(wholes)("of %s is %p", (cidr, expected) => {
    expect(givenRanges(bare(cidr)).map(formatRange)).toEqual(expected);
  });
});

describe("names", () => {
  const subnet = { namespace: "default", name: "blue" };
  const table: [string, string][] = [
    ["10.1.0.64/26", "default.blue.10-1-0-64-26"],
    ["fd00::/122", `default.blue.fd${"0".repeat(30)}-122`],
    ["::/122", `default.blue.${"0".repeat(32)}-122`],
  ];
  test.each(table)("%s is %s", (cidr, name) => {
    expect(blockName(subnet, parsePrefix(cidr))).toBe(name);
    for (const label of name.split("."))
      expect(label).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
  });

  test("tell subnets apart whose names join to the same text", () => {
    const cidr = parsePrefix("10.1.0.0/26");
    const one = blockName({ namespace: "a-b", name: "c" }, cidr);
    expect(one).not.toBe(blockName({ namespace: "a", name: "b-c" }, cidr));
  });
});

describe("the next block", () => {
  const next = (cidr: string, existing: string[], last?: string, ranges?: string[]) => {
    const layout = bare(cidr);
    const found = nextBlock({
      layout,
      ranges: ranges ? ranges.map((text) => rangeOfPrefix(parsePrefix(text))) : givenRanges(layout),
      existing: new Set(existing),
      ...(last && { last: parsePrefix(last) }),
    });
    return found && formatPrefix(found);
  };
  const table: [string, string, string[], string | undefined, string | undefined][] = [
    ["is the first", "10.1.0.0/24", [], undefined, "10.1.0.0/26"],
    ["passes those that exist", "10.1.0.0/24", ["10.1.0.0/26"], undefined, "10.1.0.64/26"],
    ["follows the last one", "10.1.0.0/24", [], "10.1.0.64/26", "10.1.0.128/26"],
    ["comes around", "10.1.0.0/24", ["10.1.0.192/26"], "10.1.0.128/26", "10.1.0.0/26"],
    ["may be the last one again", "10.1.0.0/26", [], "10.1.0.0/26", "10.1.0.0/26"],
    ["is the subnet where that is smaller", "10.1.0.0/28", [], undefined, "10.1.0.0/28"],
    [
      "is none when all exist",
      "10.1.0.0/25",
      ["10.1.0.0/26", "10.1.0.64/26"],
      undefined,
      undefined,
    ],
    ["is found in an IPv6 /64", "fd00::/64", ["fd00::/122"], undefined, "fd00::40/122"],
    ["comes around from the very end of IPv6", "::/0", [], "ffff::/16", "::/122"],
  ];
  test.each(table)("%s", (_name, cidr, existing, last, expected) => {
    expect(next(cidr, existing, last)).toBe(expected);
  });

  test("lies where the ranges are", () => {
    const ranges = ["10.1.0.70/32", "10.1.0.80/32", "10.1.0.200/30"];
    expect(next("10.1.0.0/24", [], undefined, ranges)).toBe("10.1.0.64/26");
    expect(next("10.1.0.0/24", ["10.1.0.64/26"], undefined, ranges)).toBe("10.1.0.192/26");
    expect(next("10.1.0.0/24", ["10.1.0.64/26", "10.1.0.192/26"], undefined, ranges)).toBe(
      undefined,
    );
  });

  test("going on gives each block that has a given address once, and no two overlap", () => {
    const ends = fc.tuple(fc.nat(255), fc.nat(255));
    fc.assert(
      fc.property(fc.array(ends, { minLength: 1, maxLength: 4 }), fc.nat(255), (pools, start) => {
        const at = (offset: number) =>
          ({ family: 4, value: 0x0a010000n + BigInt(offset) }) as const;
        const allocationPools = pools.map(([a, b]) =>
          ipRange(at(Math.min(a, b)), at(Math.max(a, b))),
        );
        const layout = { ...bare("10.1.0.0/24"), allocationPools, blockLength: 29 };
        const ranges = givenRanges(layout);
        const existing = new Set<string>();
        let last = blockAround(layout, at(start));
        for (;;) {
          const block = nextBlock({ layout, ranges, existing, last });
          if (!block) break;
          expect(existing).not.toContain(formatPrefix(block));
          const met = [...existing].filter((other) => overlaps(parsePrefix(other), block));
          expect(met).toEqual([]);
          expect(ranges.some((each) => rangesOverlap(each, rangeOfPrefix(block)))).toBe(true);
          existing.add(formatPrefix(block));
          last = block;
        }
        const missed = ranges.flatMap(({ family, first, last }) =>
          Array.from({ length: Number(last - first) + 1 }, (_, i) => {
            const ip = { family, value: first + BigInt(i) };
            return existing.has(formatPrefix(blockAround(layout, ip))) ? [] : [formatIp(ip)];
          }).flat(),
        );
        expect(missed).toEqual([]);
      }),
    );
  });
});
