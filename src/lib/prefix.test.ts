/** Prefixes: what is read, what is refused, and which addresses they hold. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AddressError, addressBits, type Family, formatIp, type Ip, parseIp } from "./ip.ts";
import {
  aggregated,
  broadcastOf,
  containsIp,
  containsPrefix,
  equalPrefix,
  firstAddress,
  formatPrefix,
  ipOf,
  lastAddress,
  networkOf,
  overlaps,
  type Prefix,
  parsePrefix,
  prefixOf,
  unmappedPrefix,
} from "./prefix.ts";

const ipOfFamily = (family: Family) =>
  fc
    .bigInt({ min: 0n, max: (1n << BigInt(addressBits(family))) - 1n })
    .map((value): Ip => ({ family, value }));
const prefixOfFamily = (family: Family) =>
  fc
    .record({
      address: ipOfFamily(family),
      length: fc.integer({ min: 0, max: addressBits(family) }),
    })
    .map(({ address, length }) => prefixOf(address, length));
const anyFamily = fc.constantFrom<Family[]>(4, 6);

/** Bits as text: a second, slow way to compute the same. */
const bits = (ip: Ip) => ip.value.toString(2).padStart(addressBits(ip.family), "0");

describe("reading and writing", () => {
  const good: [string, string][] = [
    ["10.1.0.5/24", "10.1.0.5/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.1.0.5/32", "10.1.0.5/32"],
    ["::/0", "::/0"],
    ["FD00:0::1/64", "fd00::1/64"],
    ["::1/128", "::1/128"],
  ];
  test.each(good)("%s is read and written %s", (text, expected) => {
    expect(formatPrefix(parsePrefix(text))).toBe(expected);
  });

  const bad = [
    ...["", "/", "10.1.0.5", "10.1.0.5/", "10.1.0.5/33", "10.1.0.5/-1", "10.1.0.5/024", "/24"],
    ...["10.1.0.5/+8", "10.1.0.5/24/8", "10.1.0.5/ 24", "10.1.0.5/24 ", "10.1.0.5/255.255.255.0"],
    ...[
      "10.1.0.5/2e1",
      "010.1.0.5/24",
      "10.1.0/24",
      "::1/129",
      "::1/999",
      "::1%eth0/64",
      "::1/0x40",
    ],
  ];
  test.each(bad)("%j is refused with an AddressError that quotes it", (text) => {
    expect(() => parsePrefix(text)).toThrow(AddressError);
    expect(() => parsePrefix(text)).toThrow(`"${text}"`);
  });

  test("text and value convert both ways", () => {
    fc.assert(
      fc.property(anyFamily.chain(prefixOfFamily), (prefix) => {
        expect(equalPrefix(parsePrefix(formatPrefix(prefix)), prefix)).toBe(true);
      }),
    );
  });
});

describe("networks", () => {
  // [prefix, network, first, last, broadcast]
  const table: [string, string, string, string, string | undefined][] = [
    ["10.1.0.5/24", "10.1.0.0/24", "10.1.0.0", "10.1.0.255", "10.1.0.255"],
    ["10.1.2.3/15", "10.0.0.0/15", "10.0.0.0", "10.1.255.255", "10.1.255.255"],
    ["10.1.0.5/31", "10.1.0.4/31", "10.1.0.4", "10.1.0.5", undefined],
    ["10.1.0.5/32", "10.1.0.5/32", "10.1.0.5", "10.1.0.5", undefined],
    ["1.2.3.4/0", "0.0.0.0/0", "0.0.0.0", "255.255.255.255", "255.255.255.255"],
    ["fd00::5/64", "fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff", undefined],
  ];
  test.each(table)("%s has its network and ends", (text, network, first, last, broadcast) => {
    const prefix = parsePrefix(text);
    expect(formatPrefix(networkOf(prefix))).toBe(network);
    expect(formatIp(firstAddress(prefix))).toBe(first);
    expect(formatIp(lastAddress(prefix))).toBe(last);
    const found = broadcastOf(prefix);
    expect(found && formatIp(found)).toBe(broadcast);
  });

  test("a network holds exactly the addresses that share its leading bits", () => {
    const near = (prefix: Prefix) =>
      fc.oneof(
        ipOfFamily(prefix.family),
        fc.constantFrom(firstAddress(prefix), lastAddress(prefix)),
        fc
          .constantFrom(...Array.from({ length: addressBits(prefix.family) }, (_, i) => BigInt(i)))
          .map((bit): Ip => ({ family: prefix.family, value: prefix.address ^ (1n << bit) })),
      );
    const cases = anyFamily
      .chain(prefixOfFamily)
      .chain((prefix) => fc.tuple(fc.constant(prefix), near(prefix)));
    fc.assert(
      fc.property(cases, ([prefix, ip]) => {
        const share = bits(ip).startsWith(bits(ipOf(prefix)).slice(0, prefix.length));
        expect(containsIp(prefix, ip)).toBe(share);
        const between =
          firstAddress(prefix).value <= ip.value && ip.value <= lastAddress(prefix).value;
        expect(containsIp(prefix, ip)).toBe(between);
      }),
      { numRuns: 2_000 },
    );
  });

  test("two networks overlap exactly if one holds the other's first address", () => {
    const pair = anyFamily.chain((family) =>
      fc.tuple(prefixOfFamily(family), prefixOfFamily(family), fc.integer({ min: 0, max: 128 })),
    );
    fc.assert(
      fc.property(pair, ([a, other, length]) => {
        const b = length <= addressBits(a.family) ? prefixOf(ipOf(a), length) : other;
        const expected = containsIp(a, firstAddress(b)) || containsIp(b, firstAddress(a));
        expect(overlaps(a, b)).toBe(expected);
        expect(overlaps(b, a)).toBe(expected);
        expect(containsPrefix(a, b)).toBe(
          containsIp(a, firstAddress(b)) && containsIp(a, lastAddress(b)),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  test("the families never meet", () => {
    expect(containsIp(parsePrefix("0.0.0.0/0"), parseIp("::"))).toBe(false);
    expect(overlaps(parsePrefix("0.0.0.0/0"), parsePrefix("::/0"))).toBe(false);
  });

  test("an IPv4-mapped prefix is unmapped to IPv4 if its length allows", () => {
    const text = (prefix: string) => formatPrefix(unmappedPrefix(parsePrefix(prefix)));
    expect(text("::ffff:10.1.0.5/120")).toBe("10.1.0.5/24");
    expect(text("::ffff:10.1.0.5/96")).toBe("10.1.0.5/0");
    expect(text("::ffff:10.1.0.5/95")).toBe("::ffff:10.1.0.5/95");
    expect(text("10.1.0.5/24")).toBe("10.1.0.5/24");
    expect(text("fd00::1/120")).toBe("fd00::1/120");
  });

  test("aggregated networks are the fewest with the same addresses", () => {
    const texts = (...prefixes: string[]) =>
      aggregated(prefixes.map(parsePrefix)).map(formatPrefix);
    expect(texts("10.1.0.64/26", "10.1.0.0/26", "10.1.0.128/26")).toEqual([
      ...["10.1.0.0/25", "10.1.0.128/26"],
    ]);
    expect(texts("10.1.0.64/26", "10.1.0.128/26")).toEqual(["10.1.0.64/26", "10.1.0.128/26"]);
    expect(texts("10.1.0.192/26", "10.1.0.0/25", "10.1.0.128/26")).toEqual(["10.1.0.0/24"]);
    expect(texts("fd00::/64", "10.0.0.0/8", "fd00::40/122", "10.1.0.0/16")).toEqual([
      ...["10.0.0.0/8", "fd00::/64"],
    ]);
    const some = fc.array(prefixOfFamily(4), { maxLength: 8 });
    fc.assert(
      fc.property(some, prefixOfFamily(4), (prefixes, one) => {
        const isIn = (all: readonly Prefix[]) => all.some((each) => containsIp(each, ipOf(one)));
        const fewest = aggregated(prefixes);
        expect(isIn(fewest)).toBe(isIn(prefixes));
        expect(aggregated(fewest)).toEqual(fewest);
      }),
    );
  });
});
