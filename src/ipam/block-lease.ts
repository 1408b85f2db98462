/** The control plane's side of blocks: each function makes the next object, for compare-and-set. */
import type { Prefix } from "../lib/prefix.ts";
import { formatPrefix } from "../lib/prefix.ts";
import { blockName, type SubnetName } from "./block.ts";
import {
  type BlockAllocation,
  freeUnless,
  isEmpty,
  type LeasedBlock,
  openBlock,
} from "./block-allocation.ts";
import { type Answer, answerTo, type Claim, heedClaims } from "./claim.ts";

/** The object `IPBlock`. */
export interface IpBlock {
  /** `blockName` of subnet and CIDR. */
  readonly name: string;
  readonly spec: {
    readonly subnet: SubnetName;
    /** Canonical text. */
    readonly cidr: string;
    /** Who gives its free addresses; "": the control plane, by compare-and-set on this object. */
    readonly host: string;
    /** Random; another whenever the holder is another. */
    readonly lease: string;
    readonly recalled?: boolean;
    /** In the order in which they were made. */
    readonly claims: readonly Claim[];
  };
  readonly status: {
    /** The holder's last report. Where the control plane holds it, this is the state itself. */
    readonly allocation?: BlockAllocation;
  };
}

/** A block for a host, or "" for the control plane. `lease` is random. */
export function leaseBlock(
  subnet: SubnetName,
  cidr: Prefix,
  { host, lease }: { host: string; lease: string },
): IpBlock {
  const spec = { subnet, cidr: formatPrefix(cidr), host, lease, claims: [] };
  const block = { name: blockName(subnet, cidr), spec, status: {} };
  return host === ""
    ? { ...block, status: { allocation: openBlock(leasedBlock(block), 0) } }
    : block;
}

/** What its host is told of it. */
export const leasedBlock = ({ name, spec, status }: IpBlock): LeasedBlock => ({
  name,
  subnet: spec.subnet,
  cidr: spec.cidr,
  lease: spec.lease,
  recalled: spec.recalled === true,
  claims: spec.claims,
  ...(status.allocation && { last: status.allocation }),
});

/**
 * Adds a claim; where the control plane holds the block, it is answered at once. Commit only while
 * the claim's owner exists.
 */
export const withClaim = (block: IpBlock, claim: Claim, nowMs: number): IpBlock =>
  withClaims(block, [...block.spec.claims, claim], nowMs);

/**
 * Ends claims, so that their addresses are free again. Commit only while none of their owners has
 * such an address.
 */
export const withoutClaims = (block: IpBlock, ids: ReadonlySet<string>, nowMs: number): IpBlock =>
  withClaims(
    block,
    block.spec.claims.filter(({ id }) => !ids.has(id)),
    nowMs,
  );

function withClaims(block: IpBlock, claims: readonly Claim[], nowMs: number): IpBlock {
  const spec = { ...block.spec, claims };
  if (block.spec.host !== "") return { ...block, spec };
  // Its maker may have died before it wrote the state.
  const state = block.status.allocation ?? openBlock(leasedBlock(block), nowMs);
  return { ...block, spec, status: { allocation: heedClaims(state, claims, nowMs) } };
}

/** The holder's answer as far as it is known. A grant may be used once it stands in the store. */
export function answerOf({ spec, status }: IpBlock, id: string): Answer {
  const state = stateOf(spec, status.allocation);
  return state && spec.claims.some((claim) => claim.id === id)
    ? answerTo(state, id)
    : { kind: "none" };
}

/** What is to be done about a claim. */
export type ClaimStep =
  /** Give its owner this address, and commit only while block and owner are as they were read. */
  | { readonly kind: "use"; readonly address: string }
  /** `withoutClaims`, on the same conditions. */
  | { readonly kind: "end" }
  /** The holder has not answered. */
  | { readonly kind: "wait" }
  /** The owner has its address. */
  | { readonly kind: "keep" };

/** What is to be done about a claim whose owner has this address; undefined: none yet. */
export function claimStep(block: IpBlock, claim: Claim, address: string | undefined): ClaimStep {
  const answer = answerOf(block, claim.id);
  if (address === undefined) {
    if (answer.kind === "granted") return { kind: "use", address: answer.address };
    return { kind: answer.kind === "refused" ? "end" : "wait" };
  }
  // `leaseOut` names the address in the claim, and the new holder may not have reported yet.
  const isUsed = (answer.kind === "granted" ? answer.address : claim.address) === address;
  return { kind: isUsed ? "keep" : "end" };
}

/** The report, if it is the present holder's. */
const stateOf = (
  { lease }: IpBlock["spec"],
  report: BlockAllocation | undefined,
): BlockAllocation | undefined => (report?.lease === lease ? report : undefined);

/** Asks the holder to give nothing more and to return the block when none of it is held. */
export const recallBlock = (block: IpBlock): IpBlock => ({
  ...block,
  spec: { ...block.spec, recalled: true },
});

export interface Taking {
  /** Random, for the control plane's own time as its holder. */
  readonly lease: string;
  readonly nowMs: number;
}

/**
 * Takes a report of a holder in. An older one, or one of another lease, changes nothing. Undefined:
 * the block came back and nobody has an address of it, so the object goes.
 */
export function receiveReport(
  block: IpBlock,
  report: BlockAllocation,
  taking: Taking,
): IpBlock | undefined {
  const last = stateOf(block.spec, block.status.allocation);
  const isNews = block.spec.host !== "" && report.lease === block.spec.lease;
  if (!isNews || (last && report.sequence <= last.sequence)) return block;
  const received = { ...block, status: { allocation: report } };
  return report.stage === "returned" ? takeBack(received, taking) : received;
}

/**
 * Takes a block from a host of which its operator says that it is off, with all that ran on it.
 * Undefined: the object goes.
 */
export const reclaimBlock = (block: IpBlock, taking: Taking): IpBlock | undefined =>
  takeBack(block, taking);

/** The control plane becomes the holder while claims, or addresses kept for identities, remain. */
function takeBack({ name, spec, status }: IpBlock, { lease, nowMs }: Taking): IpBlock | undefined {
  const { recalled: _, ...rest } = spec;
  const next = { ...rest, host: "", lease };
  const leased = leasedBlock({ name, spec: next, status });
  const left = stateOf(spec, status.allocation) ?? openBlock(leased, nowMs);
  const idle = freeUnless(left, () => false, nowMs);
  const own: BlockAllocation = { ...idle, lease, stage: "giving", boot: "", revision: 0 };
  const allocation = heedClaims(own, spec.claims, nowMs);
  const block = { name, spec: next, status: { allocation } };
  return isSpent(block, nowMs) ? undefined : block;
}

/** Whether the control plane holds it for nobody: its object should go. */
export const isSpent = ({ spec, status }: IpBlock, nowMs: number): boolean =>
  spec.host === "" &&
  spec.claims.length === 0 &&
  (!status.allocation || isEmpty(status.allocation, nowMs));

/**
 * Leases a block that the control plane holds to a host, so that what is free of it can be given
 * there. Granted claims go along, each with its address; refused ones end.
 */
export function leaseOut(
  block: IpBlock,
  { host, lease }: { host: string; lease: string },
): IpBlock {
  const claims = block.spec.claims.flatMap((claim) => {
    const answer = answerOf(block, claim.id);
    return answer.kind === "granted" ? [{ ...claim, address: answer.address }] : [];
  });
  return { ...block, spec: { ...block.spec, host, lease, claims } };
}
