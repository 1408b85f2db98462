/** What a host does about its blocks when the control plane tells it which ones it has. */
import { parseIp } from "../lib/ip.ts";
import { containsIp, parsePrefix } from "../lib/prefix.ts";
import type { IpRange } from "../lib/range.ts";
import { gives, type Moment } from "./allocate.ts";
import type { SubnetName } from "./block.ts";
import {
  type BlockAllocation,
  changed,
  countFree,
  freeUnless,
  hold,
  isIdle,
  type LeasedBlock,
  openBlock,
} from "./block-allocation.ts";
import { heedClaims } from "./claim.ts";

/** All blocks that a host has, as they stood at one moment. */
export interface BlockView {
  /** The store's, of the moment. */
  readonly revision: number;
  /** The boot that the store has of the host; read before the blocks were. */
  readonly boot: string;
  readonly blocks: readonly LeasedBlock[];
}

/** What a host has on disk. */
export interface Holder {
  /** The newest view in which a block was gone. Blocks of older views are not opened any more. */
  readonly forgotten: number;
  /** One file each. */
  readonly blocks: readonly BlockAllocation[];
  /**
   * What runs here, by other files than the blocks', but for addresses that claims hold. Undefined:
   * these don't tell all of it. Asked only where a block is opened.
   */
  readonly running: () => readonly Running[] | undefined;
}

/** An address in use. */
export interface Running {
  /** As of a `Holding`. */
  readonly owner: string;
  /** In canonical text. */
  readonly address: string;
  /** Whose it is; unknown unless set: then it may be any subnet's. */
  readonly subnet?: SubnetName;
}

/**
 * One durable step; steps may be taken in any order, and each may be the last before a crash.
 * - `write`: the block's file becomes this.
 * - `forget`: `forgotten` becomes `revision` if it is less; once that is durable, the file goes.
 */
export type HolderStep =
  | { readonly kind: "write"; readonly state: BlockAllocation }
  | { readonly kind: "forget"; readonly block: string; readonly revision: number };

/**
 * The steps that bring a host in line with a view. A view of another boot, or an older one than a
 * block has heeded, changes nothing, so views may come late, twice and in any order.
 */
export function heedView(holder: Holder, view: BlockView, moment: Moment): HolderStep[] {
  if (view.boot !== moment.boot) return [];
  const leased = new Map(view.blocks.map((block) => [block.name, block]));
  const heard = { view, moment, running: holder.running };
  const known = holder.blocks.flatMap((state) =>
    view.revision < state.revision ? [] : heedOne(state, leased.get(state.block), heard),
  );
  if (view.revision < holder.forgotten) return known;
  const names = new Set(holder.blocks.map(({ block }) => block));
  const news = view.blocks.filter(({ name }) => !names.has(name));
  return [
    ...known,
    ...news.flatMap((block) => (wasReported(block) ? reopen : openNew)(block, heard)),
  ];
}

interface Heard {
  readonly view: BlockView;
  readonly moment: Moment;
  readonly running: Holder["running"];
}

const write = (state: BlockAllocation): HolderStep => ({ kind: "write", state });

function heedOne(
  state: BlockAllocation,
  leased: LeasedBlock | undefined,
  heard: Heard,
): HolderStep[] {
  if (leased?.lease === state.lease) {
    const steps = finishReopening(state, leased, heard);
    if (steps) return steps;
    const next = confirm(state, leased, heard);
    return next === state ? [] : [write(next)];
  }
  if (leased) return [write(carryOver(state, open(leased, heard)))];
  const { revision } = heard.view;
  if (isIdle(state)) return [{ kind: "forget", block: state.block, revision }];
  // Its containers run: the addresses stay theirs here, though others may get them by now.
  return state.stage === "lost" ? [] : [write(changed(state, { stage: "lost", revision }))];
}

const open = (leased: LeasedBlock, heard: Heard): BlockAllocation =>
  confirm(openBlock(leased, heard.moment.nowMs), leased, heard);

/** What runs here of it comes from an earlier lease, of which no file tells. */
function openNew(leased: LeasedBlock, heard: Heard): HolderStep[] {
  const opened = openBlock(leased, heard.moment.nowMs);
  return [write(confirm(withRunning(opened, heard.running() ?? []), leased, heard))];
}

/** This host had it, and its file is gone. */
const wasReported = ({ last, lease }: LeasedBlock): boolean => last?.lease === lease;

/**
 * From its last report, and from what runs here. It gives nothing before that stands in the store
 * in the report's place: then nothing that the lost file said can come late.
 */
function reopen(leased: LeasedBlock, { view, moment, running }: Heard): HolderStep[] {
  const here = running();
  if (!here) return [];
  const owners = new Set(here.map(({ owner }) => owner));
  const last = openBlock(leased, moment.nowMs);
  const swept = freeUnless(last, (owner) => owners.has(owner), moment.nowMs);
  const { revision } = view;
  const reopenedFrom = last.sequence;
  return [write(changed(withRunning(swept, here), { boot: "", revision, reopenedFrom }))];
}

/** What is left to do before a block that was opened without its file can be confirmed. */
function finishReopening(
  { reopenedFrom, sequence }: BlockAllocation,
  leased: LeasedBlock,
  heard: Heard,
): HolderStep[] | undefined {
  if (reopenedFrom === undefined) return undefined;
  const { last } = leased;
  if (!last || !wasReported(leased)) return [];
  if (last.reopenedFrom === reopenedFrom) return last.sequence >= sequence ? undefined : [];
  // A report came after all that was sent before the file was lost: it knows more.
  return last.sequence > reopenedFrom ? reopen(leased, heard) : [];
}

function withRunning(state: BlockAllocation, here: readonly Running[]): BlockAllocation {
  const cidr = parsePrefix(state.cidr);
  const isOf = ({ subnet, address }: Running) =>
    (subnet === undefined || isSameSubnet(subnet, state.subnet)) &&
    containsIp(cidr, parseIp(address));
  return here
    .filter((each) => isOf(each) && !state.held[each.address])
    .reduce((done, { address, owner }) => hold(done, address, { owner }), state);
}

const isSameSubnet = (a: SubnetName, b: SubnetName): boolean =>
  a.namespace === b.namespace && a.name === b.name;

/** The lease stands: heeds its claims, and gives the block back once it is recalled and idle. */
function confirm(
  state: BlockAllocation,
  leased: LeasedBlock,
  { view, moment }: Heard,
): BlockAllocation {
  if (state.stage === "returned" || state.stage === "lost") return state;
  const heeded = heedClaims(state, leased.claims, moment.nowMs);
  const stage = !leased.recalled ? heeded.stage : isIdle(heeded) ? "returned" : "recalled";
  const isSame = heeded === state && stage === state.stage && state.boot === moment.boot;
  if (isSame) return state;
  const { reopenedFrom: _, ...confirmed } = heeded;
  return changed(confirmed, { stage, boot: moment.boot, revision: view.revision });
}

/** What runs here keeps its addresses when a block that was lost, or lent anew, is leased again. */
function carryOver(old: BlockAllocation, next: BlockAllocation): BlockAllocation {
  const running = Object.entries(old.held).filter(
    ([address, { claim }]) => claim === undefined && !next.held[address],
  );
  if (running.length === 0) return next;
  const rested = Object.fromEntries(
    Object.entries(next.rested).filter(([address]) => !running.some(([held]) => held === address)),
  );
  const held = { ...next.held, ...Object.fromEntries(running) };
  // A recalled one that looked idle is not.
  const stage = next.stage === "returned" ? "recalled" : next.stage;
  return changed(next, { held, rested, stage });
}

/**
 * The block, given back: durable first, then reported. The holder never gives of it again, though
 * the report may be lost. Give only an idle block back.
 */
export function giveBack(state: BlockAllocation): BlockAllocation {
  if (!isIdle(state)) {
    throw new RangeError(`Cannot give back block "${state.block}": addresses of it are held`);
  }
  return state.stage === "giving" || state.stage === "recalled"
    ? changed(state, { stage: "returned" })
    : state;
}

/** How much a host wants to have in hand, for when the control plane is away. */
export interface Stock {
  readonly ranges: readonly IpRange[];
  /** Fewer free addresses than this: ask for a block. */
  readonly wantFree: number;
  /** A block goes back only if so many stay free in the others; at least `wantFree`. */
  readonly keepFree: number;
}

/** Whether the host should ask for one more block. */
export const isShort = (
  blocks: readonly BlockAllocation[],
  { ranges, wantFree }: Stock,
  moment: Moment,
): boolean => freeIn(blocks, ranges, moment) < wantFree;

/** An idle block that the host can do without; undefined without one. */
export function surplus(
  blocks: readonly BlockAllocation[],
  { ranges, keepFree }: Stock,
  moment: Moment,
): BlockAllocation | undefined {
  return blocks.findLast(
    (state) =>
      gives(state, moment.boot) &&
      isIdle(state) &&
      freeIn(
        blocks.filter((other) => other !== state),
        ranges,
        moment,
      ) >= keepFree,
  );
}

const freeIn = (
  blocks: readonly BlockAllocation[],
  ranges: readonly IpRange[],
  { nowMs, boot }: Moment,
): number =>
  blocks
    .filter((state) => gives(state, boot))
    .reduce((sum, state) => sum + countFree(state, ranges, nowMs), 0);
