/** What a host makes of views of its blocks: late ones, repeated ones, of another boot. */
import { describe, expect, test } from "bun:test";
import { parsePrefix } from "../lib/prefix.ts";
import { rangeOfPrefix } from "../lib/range.ts";
import { allocate } from "./allocate.ts";
import { type BlockAllocation, free, type LeasedBlock } from "./block-allocation.ts";
import {
  giveBack,
  type Holder,
  type HolderStep,
  heedView,
  isShort,
  type Running,
  surplus,
} from "./block-holder.ts";
import type { Claim } from "./claim.ts";

const subnet = { namespace: "default", name: "blue" };
const ranges = [rangeOfPrefix(parsePrefix("10.1.0.0/24"))];
const moment = { nowMs: 1000, boot: "b1" };
const leased = (more: Partial<LeasedBlock> = {}): LeasedBlock => ({
  ...{ name: "x", subnet, cidr: "10.1.0.0/30", lease: "l1", recalled: false, claims: [] },
  ...more,
});

/** A host's disk, all steps taken at once. */
class Disk implements Holder {
  forgotten = 0;
  blocks: BlockAllocation[] = [];
  containers: readonly Running[] | undefined = [];
  running = () => this.containers;

  hear(revision: number, blocks: LeasedBlock[], boot = "b1"): HolderStep[] {
    const steps = heedView(this, { revision, boot, blocks }, moment);
    for (const step of steps) {
      const name = step.kind === "write" ? step.state.block : step.block;
      this.blocks = this.blocks.filter(({ block }) => block !== name);
      if (step.kind === "write") this.blocks.push(step.state);
      else this.forgotten = Math.max(this.forgotten, step.revision);
    }
    return steps;
  }

  give(owner: string): string {
    const { address, state } = allocate(this.blocks, { owner, ranges }, moment);
    this.write(state);
    return address;
  }

  write(state: BlockAllocation): void {
    this.blocks = this.blocks.map((each) => (each.block === state.block ? state : each));
  }

  get only(): BlockAllocation {
    expect(this.blocks.length).toBe(1);
    return this.blocks[0]!;
  }
}

describe("a view", () => {
  test("opens a block once, and heard again changes nothing", () => {
    const disk = new Disk();
    expect(disk.hear(5, [leased()]).length).toBe(1);
    expect(disk.give("a")).toBe("10.1.0.0");
    expect(disk.hear(5, [leased()])).toEqual([]);
    expect(disk.hear(9, [leased()])).toEqual([]);
  });

  test("of another boot is not heeded", () => {
    const disk = new Disk();
    expect(disk.hear(5, [leased()], "b0")).toEqual([]);
  });

  test("confirms a block for this boot", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.blocks = disk.blocks.map((state) => ({ ...state, boot: "b0" }));
    expect(() => disk.give("a")).toThrow("not confirmed");
    disk.hear(6, [leased()]);
    expect(disk.give("a")).toBe("10.1.0.0");
  });

  test("that is older than what was heeded neither ends a block nor opens one again", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    expect(disk.hear(4, [])).toEqual([]);
    disk.hear(6, []);
    expect(disk.blocks).toEqual([]);
    expect(disk.hear(5, [leased()])).toEqual([]);
    expect(disk.hear(6, [leased({ name: "y" })]).length).toBe(1);
  });

  test("without a block whose containers run makes it lost, until they are gone", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.give("a");
    disk.hear(6, []);
    expect(disk.only.stage).toBe("lost");
    expect(() => disk.give("b")).toThrow("No address is free");
    expect(disk.hear(7, [])).toEqual([]);
    disk.write(free(disk.only, "a", 5));
    disk.hear(8, []);
    expect(disk.blocks).toEqual([]);
  });

  test("with a new lease of a lost block leaves running containers their addresses", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.give("a");
    disk.hear(6, []);
    disk.hear(7, [leased({ lease: "l2" })]);
    expect(disk.only).toMatchObject({ lease: "l2", stage: "giving" });
    expect(disk.give("a")).toBe("10.1.0.0");
    expect(disk.give("b")).toBe("10.1.0.1");
  });

  test("that recalls a block ends giving; it goes back when the last container does", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.give("a");
    disk.hear(6, [leased({ recalled: true })]);
    expect(disk.only.stage).toBe("recalled");
    expect(() => disk.give("b")).toThrow("No address is free");
    disk.write(free(disk.only, "a", 5));
    disk.hear(6, [leased({ recalled: true })]);
    expect(disk.only.stage).toBe("returned");
  });
});

describe("a block whose file is lost", () => {
  const of = (owner: string, address: string) => ({ owner, address, subnet });
  /** A host that gave "a" and "b" addresses, told of "a" only, and lost the file. */
  function lost() {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.give("a");
    const last = disk.only;
    disk.give("b");
    const late = disk.only;
    disk.blocks = [];
    disk.containers = [of("a", "10.1.0.0"), of("b", "10.1.0.1")];
    return { disk, last, late };
  }

  test("gives nothing before what it was opened with stands in the store", () => {
    const { disk, last } = lost();
    disk.hear(6, [leased({ last })]);
    expect(() => disk.give("c")).toThrow("not confirmed");
    expect(disk.hear(7, [leased({ last })])).toEqual([]);
    expect(() => disk.give("c")).toThrow("not confirmed");
    disk.hear(8, [leased({ last: disk.only })]);
    expect(disk.give("c")).toBe("10.1.0.2");
    expect(disk.only).not.toHaveProperty("reopenedFrom");
    expect(disk.only.sequence).toBeGreaterThan(last.sequence);
  });

  test("has what was told last and what runs here, and nothing of who is gone", () => {
    const { disk, last } = lost();
    disk.containers = [of("b", "10.1.0.1"), of("z", "10.2.0.1")];
    disk.hear(6, [leased({ last })]);
    expect(Object.keys(disk.only.held)).toEqual(["10.1.0.1"]);
    expect(Object.keys(disk.only.rested)).toEqual(["10.1.0.0"]);
  });

  test("stays closed while nobody can tell what runs here", () => {
    const { disk, last } = lost();
    disk.containers = undefined;
    expect(disk.hear(6, [leased({ last })])).toEqual([]);
  });

  test("is opened once more where a report of before comes late", () => {
    const { disk, last, late } = lost();
    disk.hear(6, [leased({ last })]);
    disk.hear(7, [leased({ last: { ...late, refused: { 1: "no" } } })]);
    expect(disk.only.refused).toEqual({ 1: "no" });
    expect(() => disk.give("c")).toThrow("not confirmed");
  });

  test("stays returned where a late report said so", () => {
    const { disk, last } = lost();
    disk.containers = [];
    disk.hear(6, [leased({ last })]);
    disk.hear(7, [leased({ last: { ...last, held: {}, sequence: 9, stage: "returned" } })]);
    expect(disk.only.stage).toBe("returned");
  });

  test("and that is leased anew has what runs here before claims and others are served", () => {
    const { disk } = lost();
    const claims = [{ id: "1", owner: "p", ranges: [["10.1.0.0", "10.1.0.3"]] as const }];
    disk.hear(9, [leased({ lease: "l2", claims })]);
    expect(Object.entries(disk.only.held).map(([at, { owner }]) => `${at} ${owner}`)).toEqual([
      "10.1.0.0 a",
      "10.1.0.1 b",
      "10.1.0.2 p",
    ]);
    expect(disk.give("c")).toBe("10.1.0.3");
  });

  test("takes what runs in another subnet of the same addresses for its own only if unsure", () => {
    const { disk } = lost();
    const other = { namespace: "other", name: "blue" };
    disk.containers = [
      { ...of("a", "10.1.0.0"), subnet: other },
      { owner: "b", address: "10.1.0.1" },
    ];
    disk.hear(9, [leased({ lease: "l2" })]);
    expect(Object.keys(disk.only.held)).toEqual(["10.1.0.1"]);
  });
});

describe("claims", () => {
  const claim = (id: string, more: Partial<Claim> = {}): Claim => ({
    ...{ id, owner: `port-${id}`, ranges: [["10.1.0.0", "10.1.0.3"]] as const },
    ...more,
  });
  const heldBy = ({ only }: Disk) =>
    Object.entries(only.held).map(([address, { owner }]) => `${address} ${owner}`);

  test("are granted in order, held against containers, and refused when another has it", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.give("a");
    const claims = [claim("1"), claim("2", { address: "10.1.0.0" }), claim("3")];
    disk.hear(6, [leased({ claims })]);
    expect(heldBy(disk)).toEqual(["10.1.0.0 a", "10.1.0.1 port-1", "10.1.0.2 port-3"]);
    expect(disk.only.refused).toEqual({ 2: '"a" holds it' });
    expect(disk.give("b")).toBe("10.1.0.3");
  });

  test("free their address with their end, and keep it for a sticky identity", () => {
    const disk = new Disk();
    const sticky = { identity: "i", stickyForMs: 5000 };
    disk.hear(5, [leased({ claims: [claim("1", sticky)] })]);
    disk.hear(6, [leased()]);
    expect(disk.only.held).toEqual({});
    expect(disk.only.rested).toMatchObject({ "10.1.0.0": { identity: "i", keptUntil: 6000 } });
    disk.hear(7, [leased({ claims: [claim("2", { address: "10.1.0.0" })] })]);
    expect(disk.only.refused[2]).toContain('kept for "i"');
    disk.hear(8, [leased({ claims: [claim("3", sticky)] })]);
    expect(heldBy(disk)).toEqual(["10.1.0.0 port-3"]);
  });

  test("outside the block, or on a full one, are refused with the reason", () => {
    const disk = new Disk();
    const claims = [
      claim("1", { address: "10.1.0.9" }),
      claim("2", { ranges: [["10.1.0.0", "10.1.0.0"]] }),
      claim("3", { ranges: [["10.1.0.0", "10.1.0.0"]] }),
    ];
    disk.hear(5, [leased({ claims })]);
    expect(disk.only.refused).toEqual({
      1: 'it is not in block "10.1.0.0/30"',
      3: "no address is free",
    });
  });

  test("are not answered by who has given the block back", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.write(giveBack(disk.only));
    expect(disk.hear(6, [leased({ claims: [claim("1")] })])).toEqual([]);
  });
});

describe("a host", () => {
  const stock = { ranges, wantFree: 3, keepFree: 3 };

  test("asks for a block while it has too few free, and gives one back that it can spare", () => {
    const disk = new Disk();
    expect(isShort(disk.blocks, stock, moment)).toBe(true);
    disk.hear(5, [leased()]);
    expect(isShort(disk.blocks, stock, moment)).toBe(false);
    expect(surplus(disk.blocks, stock, moment)).toBeUndefined();
    disk.give("a");
    disk.give("b");
    expect(isShort(disk.blocks, stock, moment)).toBe(true);
    disk.hear(6, [leased(), leased({ name: "y", cidr: "10.1.0.4/30", lease: "l2" })]);
    expect(surplus(disk.blocks, stock, moment)).toBeUndefined();
    disk.blocks = disk.blocks.map((state) => free(state, "a", 1));
    expect(surplus(disk.blocks, stock, moment)?.block).toBe("y");
  });

  test("does not give back what its containers use", () => {
    const disk = new Disk();
    disk.hear(5, [leased()]);
    disk.give("a");
    expect(() => giveBack(disk.only)).toThrow("are held");
  });
});
