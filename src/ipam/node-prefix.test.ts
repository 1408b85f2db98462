/** Whose addresses and blocks are which where hosts have prefixes of their own. */
import { describe, expect, test } from "bun:test";
import { formatPrefix, parsePrefix } from "../lib/prefix.ts";
import { formatRange, rangeOfPrefix } from "../lib/range.ts";
import {
  freeNodePrefixes,
  isInPlace,
  type NodePrefix,
  prefixFault,
  rangesOn,
} from "./node-prefix.ts";

const prefix = (host: string, cidr: string): NodePrefix => ({ host, cidr: parsePrefix(cidr) });
const layoutOf = (cidr: string, blockLength: number) => ({
  ...{ cidr: parsePrefix(cidr), blockLength, allocationPools: [], reserved: [] },
});

const all = [rangeOfPrefix(parsePrefix("10.1.0.0/24"))];
const six = [rangeOfPrefix(parsePrefix("fd00::/48"))];
const some = [
  prefix("a", "10.1.0.0/26"),
  prefix("a", "10.1.0.128/26"),
  prefix("b", "10.1.0.64/26"),
];

describe("ports are given addresses", () => {
  const table: [string, string | undefined, NodePrefix[], string[]][] = [
    ["of all prefixes of their host", "a", some, ["10.1.0.0-10.1.0.63", "10.1.0.128-10.1.0.191"]],
    ["of what is no host's where their own has none", "c", some, ["10.1.0.192-10.1.0.255"]],
    ["of what is no host's without a host", undefined, some, ["10.1.0.192-10.1.0.255"]],
    ["of the whole subnet where no host has a prefix", "a", [], ["10.1.0.0-10.1.0.255"]],
    ["of nothing where others have all", "c", [prefix("a", "10.1.0.0/24")], []],
  ];
  for (const [name, host, prefixes, ranges] of table) {
    test(name, () => expect(rangesOn(host, all, prefixes).map(formatRange)).toEqual(ranges));
  }

  test("of both families alike", () => {
    const own = [prefix("a", "fd00:0:0:7::/64")];
    expect(rangesOn("a", six, own).map(formatRange)).toEqual([
      "fd00:0:0:7::-fd00::7:ffff:ffff:ffff:ffff",
    ]);
  });
});

describe("a block", () => {
  const table: [string, string, string, boolean][] = [
    ["is in place in a prefix of its host", "a", "10.1.0.128/28", true],
    ["is out of place beside its host's prefixes", "a", "10.1.0.192/28", false],
    ["is out of place in another's prefix", "c", "10.1.0.64/28", false],
    ["is out of place around another's prefix", "c", "10.1.0.0/25", false],
    ["is in place beside all where its host has none", "c", "10.1.0.192/28", true],
  ];
  for (const [name, host, cidr, isSo] of table) {
    test(name, () => expect(isInPlace(prefix(host, cidr), some)).toBe(isSo));
  }
});

describe("a node prefix", () => {
  const layout = layoutOf("10.1.0.0/16", 26);
  const table: [string, string, string | undefined][] = [
    ["may be one block", "10.1.4.0/26", undefined],
    ["may be several", "10.1.4.0/22", undefined],
    ["may be the whole subnet", "10.1.0.0/16", undefined],
    ["is in the subnet", "10.2.0.0/24", "10.2.0.0/24 is not in 10.1.0.0/16"],
    ["is not larger than the subnet", "10.0.0.0/8", "10.0.0.0/8 is not in 10.1.0.0/16"],
    ["is of the subnet's family", "fd00::/64", "fd00::/64 is not in 10.1.0.0/16"],
    ["is not smaller than a block", "10.1.4.0/27", "10.1.4.0/27 is smaller than a block (/26)"],
  ];
  for (const [name, cidr, fault] of table) {
    test(name, () => {
      const found = prefixFault(layout, parsePrefix(cidr));
      if (fault === undefined) expect(found).toBeUndefined();
      else expect(found).toStartWith(fault);
    });
  }
});

describe("free prefixes", () => {
  const free = (
    layout: Parameters<typeof prefixFault>[0],
    length: number,
    { prefixes = [] as NodePrefix[], blocks = [] as string[] } = {},
  ) => freeNodePrefixes({ layout, length, prefixes, blocks: blocks.map(parsePrefix) });
  const texts = (cells: Iterable<Parameters<typeof formatPrefix>[0]>) =>
    [...cells].map(formatPrefix);

  test("come in order, around those of hosts, of whatever length these are", () => {
    const prefixes = [prefix("a", "10.1.0.0/26"), prefix("b", "10.1.1.0/24")];
    expect(texts(free(layoutOf("10.1.0.0/22", 26), 25, { prefixes }))).toEqual([
      "10.1.0.128/25",
      ...["10.1.2.0/25", "10.1.2.128/25", "10.1.3.0/25", "10.1.3.128/25"],
    ]);
  });

  test("in which hosts hold blocks come last", () => {
    const blocks = ["10.1.0.64/26", "10.1.1.0/26"];
    expect(texts(free(layoutOf("10.1.0.0/22", 26), 24, { blocks }))).toEqual([
      ...["10.1.2.0/24", "10.1.3.0/24"],
      ...["10.1.0.0/24", "10.1.1.0/24"],
    ]);
  });

  test("have an address that ports are given", () => {
    const pool = rangeOfPrefix(parsePrefix("10.1.0.96/27"));
    const layout = { ...layoutOf("10.1.0.0/24", 28), allocationPools: [pool] };
    expect(texts(free(layout, 27))).toEqual(["10.1.0.96/27"]);
  });

  test("of a subnet that nobody could go through are there at once", () => {
    const prefixes = [prefix("a", "fd00::/64"), prefix("b", "fd00:0:0:2::/63")];
    const left = free(layoutOf("fd00::/32", 122), 64, { prefixes });
    const first = [left.next().value!, left.next().value!].map(formatPrefix);
    expect(first).toEqual(["fd00:0:0:1::/64", "fd00:0:0:4::/64"]);
  });

  test("are none twice, and overlap none of hosts, whatever there is", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const bits = (shift: number, mask: number) => ((seed * 2654435761) >>> shift) & mask;
      const prefixes = [
        prefix("a", `10.1.${bits(3, 15)}.0/${24 + bits(9, 1)}`),
        prefix("b", `10.1.${16 + bits(13, 15)}.128/25`),
      ];
      const blocks = [`10.1.${bits(19, 31)}.64/26`, `10.1.${bits(22, 31)}.0/26`];
      const cells = [...free(layoutOf("10.1.0.0/19", 26), 24, { prefixes, blocks })];
      expect(new Set(cells.map(formatPrefix)).size).toBe(32 - 2);
      for (const cell of cells) {
        expect(isInPlace({ host: "c", cidr: cell }, prefixes)).toBe(true);
      }
    }
  });
});
