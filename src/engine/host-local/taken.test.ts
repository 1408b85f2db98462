/** The tree of taken addresses, against a plain set. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Family, formatIp, type Ip, parseIp } from "../../lib/ip.ts";
import { HashPages } from "./hash-pages.ts";
import { TakenAddresses } from "./taken.ts";

const bases: Record<Family, bigint> = { 4: parseIp("10.1.0.0").value, 6: parseIp("fd00::").value };
const ipAt = (family: Family, offset: number): Ip => ({
  family,
  value: bases[family] + BigInt(offset),
});

/** Addresses around block borders, in runs: whole blocks become full and empty again. */
const anyRun = fc.record({
  kind: fc.constantFrom("add", "add", "remove"),
  first: fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.constantFrom(0, 255, 256, 511, 512, 768)),
  length: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(256, 257, 600)),
});

describe.each([4, 6] as const)("in IPv%d", (family) => {
  test("the next free address is what a search one by one finds", () => {
    fc.assert(
      fc.property(
        fc.array(anyRun, { maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 1600 }), { minLength: 1, maxLength: 8 }),
        (runs, starts) => {
          const table = HashPages.empty(4);
          const taken = new TakenAddresses(table);
          const model = new Set<number>();
          for (const { kind, first, length } of runs) {
            for (let offset = first; offset < first + length; offset++) {
              if (kind === "add") taken.add(ipAt(family, offset));
              else taken.remove(ipAt(family, offset));
              if (kind === "add") model.add(offset);
              else model.delete(offset);
            }
          }
          for (const start of starts) {
            let free = start;
            while (model.has(free)) free++;
            const range = { family, first: ipAt(family, start).value };
            const last = ipAt(family, 2200).value;
            expect(taken.nextFree({ ...range, last })).toEqual(ipAt(family, free));
            expect(taken.nextFree({ ...range, last: ipAt(family, free).value })).toBeDefined();
            if (free > start) {
              const before = ipAt(family, free - 1).value;
              expect(taken.nextFree({ ...range, last: before })).toBeUndefined();
            }
            expect(taken.has(ipAt(family, start))).toBe(model.has(start));
          }
          for (const offset of model) taken.remove(ipAt(family, offset));
          expect(table.count).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test("a full block of 65,536 is passed in one look-up a level", () => {
  const table = HashPages.empty(64);
  const taken = new TakenAddresses(table);
  for (let offset = 0; offset < 65_536; offset++) taken.add(ipAt(4, offset));
  const reads = { count: 0 };
  const counting = new Proxy(table, {
    get: (target, name) => {
      if (name === "values") reads.count++;
      const member = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  const range = { family: 4 as const, first: bases[4], last: parseIp("10.255.255.255").value };
  const free = new TakenAddresses(counting).nextFree(range);
  expect(free && formatIp(free)).toBe("10.2.0.0");
  expect(reads.count).toBeLessThan(10);
});

test("the very last addresses of both families can be taken, and then none is free", () => {
  for (const last of ["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]) {
    const ip = parseIp(last);
    const taken = new TakenAddresses(HashPages.empty(4));
    const range = { family: ip.family, first: ip.value, last: ip.value };
    expect(taken.nextFree(range)).toEqual(ip);
    taken.add(ip);
    expect(taken.nextFree(range)).toBeUndefined();
  }
});
