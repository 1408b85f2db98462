/** What the control plane makes of reports, removals and claims. */
import { describe, expect, test } from "bun:test";
import { declareOver, joinHost, removeHost } from "../../test/ipam/simulation/operator.ts";
import { parsePrefix } from "../lib/prefix.ts";
import { rangeOfPrefix } from "../lib/range.ts";
import { wishableRanges } from "./block.ts";
import { type BlockAllocation, hold, openBlock } from "./block-allocation.ts";
import { giveBack } from "./block-holder.ts";
import {
  answerOf,
  claimStep,
  type IpBlock,
  isSpent,
  leaseBlock,
  leasedBlock,
  leaseOut,
  recallBlock,
  receiveReport,
  reclaimBlock,
  withClaim,
  withoutClaims,
} from "./block-lease.ts";
import type { Claim } from "./claim.ts";
import { bootFor, mayLease, mayReclaim, standingOf, welcome } from "./host-fence.ts";
import { claimRanges, placeBlock, placeClaim } from "./placement.ts";

const subnet = { namespace: "default", name: "blue" };
const block = (cidr: string, host: string, lease = "l1") =>
  leaseBlock(subnet, parsePrefix(cidr), { host, lease });
const any = (id: string, more: Partial<Claim> = {}): Claim => ({
  ...{ id, owner: `p${id}`, ranges: [["10.1.0.0", "10.1.0.255"]] as const },
  ...more,
});
const taking = { lease: "l9", nowMs: 1000 };
const report = (of: IpBlock, change: (state: BlockAllocation) => BlockAllocation) =>
  change(openBlock(leasedBlock(of), 1000));
const used = (state: BlockAllocation) => hold(state, "10.1.0.1", { owner: "a" });

test("a block of the control plane whose state was never written answers claims all the same", () => {
  const made = { ...block("10.1.0.0/30", ""), status: {} };
  const claimed = withClaim(made, any("1"), 1000);
  expect(answerOf(claimed, "1")).toMatchObject({ kind: "granted" });
  expect(isSpent(withoutClaims(claimed, new Set(["1"]), 1000), 1000)).toBe(true);
  const waiting = { ...made, spec: { ...made.spec, claims: [any("1")] } };
  expect(answerOf(withClaim(waiting, any("2"), 1000), "1")).toMatchObject({ kind: "granted" });
});

describe("a report", () => {
  const first = block("10.1.0.0/30", "h1");

  test("is taken if it is the holder's and newer", () => {
    const state = report(first, used);
    const received = receiveReport(first, state, taking)!;
    expect(received.status.allocation).toBe(state);
    expect(
      receiveReport(
        received,
        report(first, (same) => same),
        taking,
      ),
    ).toBe(received);
    const other = { ...state, lease: "l0", sequence: 99 };
    expect(receiveReport(received, other, taking)).toBe(received);
  });

  test("of a returned block ends it, but not one of an earlier lease", () => {
    const returned = report(first, giveBack);
    expect(receiveReport(first, returned, taking)).toBeUndefined();
    const anew = block("10.1.0.0/30", "h1", "l2");
    expect(receiveReport(anew, returned, taking)).toBe(anew);
  });

  test("of a returned block with a claim leaves it to the control plane", () => {
    const claimed = withClaim(first, any("1"), 1000);
    const state = report(first, (it) => hold(it, "10.1.0.2", { owner: "p1", claim: "1" }));
    const left = receiveReport(claimed, giveBack(state), taking)!;
    expect(left.spec).toMatchObject({ host: "", lease: "l9" });
    expect(answerOf(left, "1")).toEqual({ kind: "granted", address: "10.1.0.2" });
    const ended = withoutClaims(left, new Set(["1"]), 1000);
    expect(isSpent(ended, 1000)).toBe(true);
  });

  test("of a returned block with a kept address leaves it until the time is over", () => {
    const kept = { since: 1, identity: "i", keptUntil: 5000 };
    const state = report(first, (it) => ({ ...it, rested: { "10.1.0.2": kept } }));
    const left = receiveReport(first, giveBack(state), taking)!;
    expect(left.spec.host).toBe("");
    expect(isSpent(left, 4999)).toBe(false);
    expect(isSpent(left, 5000)).toBe(true);
  });
});

describe("claims", () => {
  test("are answered at once where the control plane is the holder", () => {
    const own = withClaim(block("10.1.0.0/30", ""), any("1"), 1000);
    expect(answerOf(own, "1")).toEqual({ kind: "granted", address: "10.1.0.0" });
    expect(claimStep(own, own.spec.claims[0]!, undefined)).toMatchObject({ kind: "use" });
    expect(claimStep(own, own.spec.claims[0]!, "10.1.0.0").kind).toBe("keep");
    expect(claimStep(own, own.spec.claims[0]!, "10.1.0.7").kind).toBe("end");
  });

  test("wait for a host, and end when it refuses", () => {
    const asked = withClaim(block("10.1.0.0/30", "h1"), any("1"), 1000);
    expect(claimStep(asked, asked.spec.claims[0]!, undefined).kind).toBe("wait");
    const refusal = report(asked, (it) => ({ ...it, sequence: 1, refused: { 1: "full" } }));
    const refused = receiveReport(asked, refusal, taking)!;
    expect(claimStep(refused, asked.spec.claims[0]!, undefined).kind).toBe("end");
  });

  test("for an address that nobody may have are refused, by the holder too", () => {
    const own = block("10.1.0.0/30", "");
    const wish = { address: "10.1.0.1", ranges: [["10.1.0.2", "10.1.0.3"]] as const };
    expect(answerOf(withClaim(own, any("1", wish), 1000), "1")).toEqual({
      kind: "refused",
      reason: "nobody may have it",
    });
    const none = withClaim(own, any("2", { ...wish, ranges: [] }), 1000);
    expect(answerOf(none, "2").kind).toBe("refused");
  });

  test("go along with a block that is leased to a host, and are kept before it reports", () => {
    const own = withClaim(block("10.1.0.0/30", ""), any("1"), 1000);
    const out = leaseOut(own, { host: "h1", lease: "l2" });
    expect(out.spec.claims).toMatchObject([{ id: "1", address: "10.1.0.0" }]);
    expect(answerOf(out, "1").kind).toBe("none");
    expect(claimStep(out, out.spec.claims[0]!, "10.1.0.0").kind).toBe("keep");
  });
});

test("an address stays kept though its claim ends before a block's new holder opens it", () => {
  const sticky = { identity: "i", stickyForMs: 5000 };
  const own = withClaim(block("10.1.0.0/30", ""), any("1", sticky), 1000);
  const out = leaseOut(own, { host: "h1", lease: "l2" });
  const ended = withoutClaims(out, new Set(["1"]), 1000);
  expect(openBlock(leasedBlock(ended), 1000).rested).toEqual({
    "10.1.0.0": { since: 1000, identity: "i", keptUntil: 6000 },
  });
});

describe("a host that is removed", () => {
  const agent = "a1";
  const joined = joinHost(agent, "b1");

  test("gets no more blocks, and loses those it has only if its boot is over", () => {
    expect([mayLease(joined), mayReclaim(joined)]).toEqual([true, false]);
    const removed = removeHost(joined);
    expect([mayLease(removed), mayReclaim(removed)]).toEqual([false, false]);
    const again = { agent, boot: "b2", replaces: "b1" };
    expect(welcome(removed, again)).toEqual({ agent, boot: "b2", removing: true });
    const over = declareOver(joined, "b1");
    expect([mayLease(over), mayReclaim(over)]).toEqual([false, true]);
    expect(welcome(over, again)).toBeUndefined();
    expect(() => declareOver(welcome(joined, again)!, "b1")).toThrow("started since");
  });

  test("takes a new boot only from a hello that knows the one before, so none comes back", () => {
    expect(welcome(joined, { agent, boot: "b2" })).toBe(joined);
    const second = welcome(joined, { agent, boot: "b2", replaces: "b1" })!;
    expect(second.boot).toBe("b2");
    expect(welcome(second, { agent, boot: "b2", replaces: "b2" })).toBe(second);
    const third = welcome(second, { agent, boot: "b3", replaces: "b2" })!;
    expect(welcome(third, { agent, boot: "b2", replaces: "b1" })).toBe(third);
  });

  test("is served by nobody but the agent that it joined with, whose views alone tell a boot", () => {
    const other = { agent: "a2", boot: "b1" };
    for (const boot of ["b1", "b2"]) {
      expect(welcome(joined, { ...other, boot, replaces: "b1" })).toBe(joined);
    }
    expect([bootFor(joined, { agent }), bootFor(joined, other)]).toEqual(["b1", ""]);
    expect(welcome({ boot: "b0" }, { ...other, replaces: "b0" })).toEqual(other);
    const standings = [{ agent, boot: "b1" }, { agent, boot: "b2" }, other];
    expect(standings.map((own) => standingOf(joined, own))).toEqual([
      ...(["serving", "heir", "stranger"] as const),
    ]);
    expect(standingOf({ boot: "b1" }, other)).toBe("newcomer");
  });

  test("leaves its blocks to those who claimed of them, and its containers' addresses are free", () => {
    const first = recallBlock(withClaim(block("10.1.0.0/30", "h1"), any("1"), 1000));
    const state = report(first, (it) => hold(used(it), "10.1.0.2", { owner: "p1", claim: "1" }));
    const reported = receiveReport(first, state, taking)!;
    const left = reclaimBlock(reported, taking)!;
    expect(left.spec).toMatchObject({ host: "", lease: "l9" });
    expect(left.spec).not.toHaveProperty("recalled");
    expect(Object.keys(left.status.allocation!.held)).toEqual(["10.1.0.2"]);
    expect(reclaimBlock(block("10.1.0.0/30", "h1"), taking)).toBeUndefined();
  });
});

describe("the place", () => {
  const layout = {
    ...{ cidr: parsePrefix("10.1.0.0/29"), allocationPools: [], reserved: [] },
    blockLength: 30,
  };
  const ranges = [rangeOfPrefix(layout.cidr)];
  const wish = { layout, ranges, tried: new Set<string>(), nowMs: 1000 };
  const far = block("10.1.0.0/30", "h1");
  const near = block("10.1.0.4/30", "h2");
  const own = block("10.1.0.4/30", "");

  test("of a claim is its host's block, then the control plane's own, a new one, a borrowed one", () => {
    expect(placeClaim([far, near], { ...wish, host: "h2" })).toEqual({
      kind: "claim",
      block: near,
    });
    expect(placeClaim([far, own], wish)).toEqual({ kind: "claim", block: own });
    expect(placeClaim([far], wish)).toEqual({ kind: "lease", cidr: parsePrefix("10.1.0.4/30") });
    expect(placeClaim([far, near], wish)).toMatchObject({ kind: "claim" });
    const tried = new Set([far.name, near.name]);
    expect(placeClaim([far, near], { ...wish, tried })).toMatchObject({ kind: "none" });
  });

  test("of a claim for an address is its block, unless it is known that another has it", () => {
    const address = "10.1.0.1";
    expect(placeClaim([far], { ...wish, address })).toEqual({ kind: "claim", block: far });
    expect(placeClaim([], { ...wish, address })).toMatchObject({ kind: "lease" });
    const reported = receiveReport(far, report(far, used), taking)!;
    const none = { kind: "none", reason: '"a" holds it' };
    expect(placeClaim([reported], { ...wish, address })).toEqual(none as never);
  });

  test("of a claim for an address that nobody may have is nowhere, in whichever block", () => {
    const gateway = { ...wish, ranges: wishableRanges(layout), address: "10.1.0.0" };
    for (const blocks of [[far], []]) {
      expect(placeClaim(blocks, gateway)).toMatchObject({ kind: "none" });
    }
    expect(placeClaim([], { ...gateway, address: "10.9.0.1" })).toMatchObject({ kind: "none" });
  });

  test("of an identity's claim is the block that keeps an address for it", () => {
    const kept = { since: 1, identity: "i", keptUntil: 5000 };
    const state = report(far, (it) => ({ ...it, sequence: 1, rested: { "10.1.0.2": kept } }));
    const reported = receiveReport(far, state, taking)!;
    const place = placeClaim([reported, near], { ...wish, identity: "i", host: "h2" });
    expect(place).toEqual({ kind: "claim", block: reported });
  });

  test("of a host's block is a new one, else one that the control plane holds", () => {
    expect(placeBlock([far], wish)).toEqual({ kind: "lease", cidr: parsePrefix("10.1.0.4/30") });
    expect(placeBlock([far, own], wish)).toEqual({ kind: "leaseOut", block: own });
    expect(placeBlock([far, near], wish)).toEqual({ kind: "none" });
  });

  test("has the part of the ranges that lies in it", () => {
    expect(claimRanges(near, ranges)).toEqual([["10.1.0.4", "10.1.0.7"]]);
  });
});
