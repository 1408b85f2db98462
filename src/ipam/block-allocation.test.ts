/** What one holder gives out of its blocks, and what it gives again. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseIp } from "../lib/ip.ts";
import { parsePrefix } from "../lib/prefix.ts";
import { ipRange, rangeOfPrefix } from "../lib/range.ts";
import { type AddressRequest, allocate } from "./allocate.ts";
import {
  type BlockAllocation,
  countFree,
  free,
  freeUnless,
  isEmpty,
  isIdle,
  openBlock,
} from "./block-allocation.ts";
import { ConflictError, ExhaustedError, UnavailableError } from "./errors.ts";

const boot = "b1";
const subnet = { namespace: "default", name: "blue" };
const fresh = (cidr: string): BlockAllocation => ({
  ...openBlock({ name: cidr, subnet, cidr, lease: "l1", recalled: false, claims: [] }, 0),
  boot,
});
const inside = [rangeOfPrefix(parsePrefix("10.1.0.0/24")), rangeOfPrefix(parsePrefix("fd00::/64"))];

/** Blocks that change in place, as a holder's do. */
class Holder {
  blocks: BlockAllocation[];
  nowMs = 1000;
  constructor(...cidrs: string[]) {
    this.blocks = cidrs.map(fresh);
  }
  give(owner: string, more: Partial<AddressRequest> = {}): string {
    const request = { owner, ranges: inside, ...more };
    const { address, state } = allocate(this.blocks, request, { nowMs: this.nowMs++, boot });
    this.blocks = this.blocks.map((block) => (block.block === state.block ? state : block));
    return address;
  }
  free(owner: string): void {
    const nowMs = this.nowMs++;
    this.blocks = this.blocks.map((block) => free(block, owner, nowMs));
  }
}

describe("an owner", () => {
  test("gets the same address again while he holds it, and the state stays the same", () => {
    const holder = new Holder("10.1.0.0/30");
    expect(holder.give("a")).toBe("10.1.0.0");
    const before = holder.blocks[0];
    expect(holder.give("a")).toBe("10.1.0.0");
    expect(holder.blocks[0]).toBe(before!);
    expect(() => holder.give("a", { address: "10.1.0.3" })).toThrow(ConflictError);
  });

  test("gets the address that he asks for, however it is written", () => {
    const holder = new Holder("10.1.0.0/30", "fd00::/122");
    expect(holder.give("a", { address: "10.1.0.2" })).toBe("10.1.0.2");
    expect(holder.give("b", { address: "FD00:0::9" })).toBe("fd00::9");
    expect(() => holder.give("c", { address: "10.1.0.2" })).toThrow('"a" holds it');
  });

  test("is sent to the control plane for an address of no block here", () => {
    expect(() => new Holder("10.1.0.0/30").give("a", { address: "10.1.0.4" })).toThrow(
      UnavailableError,
    );
  });

  test("gets no address outside his ranges", () => {
    const holder = new Holder("10.1.0.0/30");
    const ranges = [ipRange(parseIp("10.1.0.2"), parseIp("10.1.0.2"))];
    expect(() => holder.give("a", { ranges, address: "10.1.0.1" })).toThrow(ConflictError);
    expect(holder.give("a", { ranges })).toBe("10.1.0.2");
    expect(() => holder.give("b", { ranges })).toThrow(ExhaustedError);
  });
});

describe("a freed address", () => {
  test("is given after all that nobody had, and then the one that rests longest", () => {
    const holder = new Holder("10.1.0.0/31", "10.1.0.2/31");
    for (const owner of ["a", "b", "c"]) holder.give(owner);
    for (const owner of ["b", "a"]) holder.free(owner);
    expect(["d", "e", "f"].map((owner) => holder.give(owner))).toEqual([
      ...["10.1.0.3", "10.1.0.1", "10.1.0.0"],
    ]);
    expect(() => holder.give("g")).toThrow(ExhaustedError);
  });

  test("goes to its last identity first", () => {
    const holder = new Holder("10.1.0.0/29");
    holder.give("a");
    holder.give("b1", { identity: "b" });
    holder.free("b1");
    expect(holder.give("b2", { identity: "b" })).toBe("10.1.0.1");
    expect(holder.give("b3", { identity: "b" })).toBe("10.1.0.2");
  });

  test("of a sticky identity is nobody else's until its time is over", () => {
    const holder = new Holder("10.1.0.0/32");
    const weeks = 21 * 24 * 3600_000;
    holder.give("a1", { identity: "a", stickyForMs: weeks });
    holder.free("a1");
    expect(isIdle(holder.blocks[0]!)).toBe(true);
    expect(isEmpty(holder.blocks[0]!, holder.nowMs)).toBe(false);
    expect(() => holder.give("b")).toThrow(ExhaustedError);
    expect(() => holder.give("b", { address: "10.1.0.0" })).toThrow('kept for "a"');
    holder.nowMs += weeks / 2;
    expect(holder.give("a2", { identity: "a", stickyForMs: weeks })).toBe("10.1.0.0");
    holder.free("a2");
    holder.nowMs += weeks;
    expect(isEmpty(holder.blocks[0]!, holder.nowMs)).toBe(true);
    expect(holder.give("b")).toBe("10.1.0.0");
  });
});

describe("a block", () => {
  test("gives nothing in a boot in which it is not confirmed, and what is held stays", () => {
    const holder = new Holder("10.1.0.0/30");
    const address = holder.give("a");
    const later = { nowMs: 1, boot: "b2" };
    const ask = (owner: string, wish?: string) =>
      allocate(holder.blocks, { owner, ranges: inside, ...(wish && { address: wish }) }, later);
    expect(() => ask("b")).toThrow(UnavailableError);
    expect(() => ask("b", "10.1.0.2")).toThrow(UnavailableError);
    expect(ask("a").address).toBe(address);
  });

  test.each(["recalled", "returned", "lost"] as const)("that is %s gives nothing", (stage) => {
    const holder = new Holder("10.1.0.0/30");
    holder.blocks = holder.blocks.map((block) => ({ ...block, stage }));
    expect(() => holder.give("a")).toThrow(ExhaustedError);
    expect(() => holder.give("a", { address: "10.1.0.2" })).toThrow(UnavailableError);
  });

  test("is freed of owners that are no more, but not of what claims hold", () => {
    const holder = new Holder("10.1.0.0/30");
    for (const owner of ["a", "b"]) holder.give(owner);
    const claimed = { owner: "p", claim: "c" };
    const block = holder.blocks[0]!;
    const state = { ...block, held: { ...block.held, "10.1.0.3": claimed } };
    const left = freeUnless(state, (owner) => owner === "b", 5);
    expect(Object.keys(left.held)).toEqual(["10.1.0.1", "10.1.0.3"]);
    expect(free(left, "p", 5)).toBe(left);
    expect(countFree(left, inside, 5)).toBe(2);
  });

  test("survives JSON as it is", () => {
    const holder = new Holder("10.1.0.0/30");
    holder.give("a", { identity: "i", stickyForMs: 5 });
    holder.free("a");
    expect(JSON.parse(JSON.stringify(holder.blocks))).toEqual(holder.blocks);
  });
});

test("whatever is given and freed, no two owners hold one address and all come back", () => {
  const owner = fc.nat(9).map((n) => `o${n}`);
  const steps = fc.array(fc.record({ owner, give: fc.boolean() }), { maxLength: 80 });
  fc.assert(
    fc.property(steps, (list) => {
      const holder = new Holder("10.1.0.0/30", "10.1.0.64/30");
      const held = new Map<string, string>();
      for (const { owner, give } of list) {
        if (!give) {
          holder.free(owner);
          held.delete(owner);
        } else if (held.size < 8 || held.has(owner)) {
          const address = holder.give(owner);
          const holders = [...held].filter(
            ([other, theirs]) => theirs === address && other !== owner,
          );
          expect(holders).toEqual([]);
          if (held.has(owner)) expect(address).toBe(held.get(owner)!);
          held.set(owner, address);
        } else {
          expect(() => holder.give(owner)).toThrow(ExhaustedError);
        }
      }
      for (const owner of held.keys()) holder.free(owner);
      expect(holder.blocks.every((block) => isEmpty(block, holder.nowMs))).toBe(true);
    }),
  );
});
