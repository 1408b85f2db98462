/** Gives an address out of all blocks of a subnet that one holder has. */
import { canonicalIp, parseIp } from "../lib/ip.ts";
import { containsIp, parsePrefix } from "../lib/prefix.ts";
import type { IpRange } from "../lib/range.ts";
import {
  addressOf,
  type BlockAllocation,
  byBelonging,
  type FreeAddress,
  hold,
  isAmong,
  nextFree,
  obstacle,
  ownFree,
} from "./block-allocation.ts";
import { ConflictError, ExhaustedError, UnavailableError } from "./errors.ts";

export interface AddressRequest {
  /** `<containerId>/<ifName>`, or a port's uid. */
  readonly owner: string;
  /** Where the address may be: `rangesFor` the owner, or with an address `wishesFor` him. */
  readonly ranges: readonly IpRange[];
  /** This one and no other. */
  readonly address?: string;
  /** Gets the address that it had before, if that is free. */
  readonly identity?: string;
  /** Keeps the address for the identity after the owner is gone: ms. */
  readonly stickyForMs?: number;
}

/** When and where: a block gives nothing in a boot in which it was not confirmed. */
export interface Moment {
  /** Since 1970. */
  readonly nowMs: number;
  /** As of `BlockAllocation`; "" for the control plane itself. */
  readonly boot: string;
}

export interface Given {
  /** In canonical text. */
  readonly address: string;
  /** The block's new state, durable before the address is used; the old one if that has it. */
  readonly state: BlockAllocation;
}

/**
 * One address for the owner; the one that he holds if he holds one. In this order: what he asks
 * for; what is kept for his identity, or what it had last; what nobody had; what rests longest.
 *
 * Throws ConflictError if what he asks for is another's, ExhaustedError if none is free, and
 * UnavailableError if only the control plane can help: the address is in no block here, or the
 * blocks are not confirmed since boot.
 */
export function allocate(
  blocks: readonly BlockAllocation[],
  request: AddressRequest,
  moment: Moment,
): Given {
  const wish = request.address === undefined ? undefined : canonicalIp(request.address);
  const had = holdingOf(blocks, request.owner);
  if (had) {
    if (wish === undefined || wish === had.address) return had;
    throw new ConflictError(
      `"${request.owner}" asks for "${wish}", but holds "${had.address}": free that first`,
    );
  }
  if (wish !== undefined) return giveWish(blocks, { ...request, address: wish }, moment);
  const usable = blocks.filter((block) => gives(block, moment.boot));
  const found = choose(usable, request, moment.nowMs);
  if (found) return give(found.block, found.address, request);
  if (usable.length < blocks.length && blocks.some((block) => isUnconfirmed(block, moment.boot))) {
    throw new UnavailableError(unconfirmed);
  }
  throw new ExhaustedError(
    `No address is free in ${usable.length} blocks here: the control plane may lend one`,
  );
}

/** Whether free addresses of it may be given in this boot. */
export const gives = ({ stage, boot }: BlockAllocation, thisBoot: string): boolean =>
  stage === "giving" && boot === thisBoot;

const isUnconfirmed = ({ stage, boot }: BlockAllocation, thisBoot: string): boolean =>
  stage === "giving" && boot !== thisBoot;

const unconfirmed =
  "The control plane has not confirmed this host's blocks since boot: try again once it is reached";

/** What the owner holds in these blocks. */
export function holdingOf(blocks: readonly BlockAllocation[], owner: string): Given | undefined {
  for (const state of blocks) {
    const address = addressOf(state, owner);
    if (address !== undefined) return { address, state };
  }
  return undefined;
}

function giveWish(
  blocks: readonly BlockAllocation[],
  request: AddressRequest & { address: string },
  { nowMs, boot }: Moment,
): Given {
  const { address, ranges, identity } = request;
  const ip = parseIp(address);
  if (!isAmong(ranges, address)) {
    throw new ConflictError(`"${address}" is not among the addresses that this owner may have`);
  }
  const block = blocks.find(({ cidr }) => containsIp(parsePrefix(cidr), ip));
  if (block && isUnconfirmed(block, boot)) throw new UnavailableError(unconfirmed);
  if (!block || !gives(block, boot)) {
    throw new UnavailableError(`"${address}" is in no block of this host: ask the control plane`);
  }
  const reason = obstacle(block, address, { identity, nowMs });
  if (reason)
    throw new ConflictError(`"${address}" can't be given to "${request.owner}": ${reason}`);
  return give(block, address, request);
}

interface Choice extends FreeAddress {
  readonly block: BlockAllocation;
}

function choose(
  blocks: readonly BlockAllocation[],
  { identity, ranges }: AddressRequest,
  nowMs: number,
): Choice | undefined {
  const each = (find: (block: BlockAllocation) => FreeAddress | undefined): Choice[] =>
    blocks.flatMap((block) => {
      const found = find(block);
      return found ? [{ ...found, block }] : [];
    });
  const own =
    identity === undefined ? [] : each((block) => ownFree(block, identity, { ranges, nowMs }));
  const nearest = own.sort(byBelonging)[0];
  return (
    nearest ?? each((block) => nextFree(block, ranges, nowMs)).sort((a, b) => a.since - b.since)[0]
  );
}

function give(
  block: BlockAllocation,
  address: string,
  { owner, identity, stickyForMs }: AddressRequest,
): Given {
  const holding = {
    owner,
    ...(identity !== undefined && { identity }),
    ...(stickyForMs !== undefined && { stickyForMs }),
  };
  return { address, state: hold(block, address, holding) };
}
