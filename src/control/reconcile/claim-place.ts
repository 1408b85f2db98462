/** Which addresses the control plane must get for a port, and where it may take them. Pure. */
import type { IPPool, Port, Subnet } from "../../api/kinds/index.ts";
import { claimedAddresses, identityOf } from "../../api/kinds/port.ts";
import { givenRanges, wishableRanges } from "../../ipam/block.ts";
import { answerOf, type IpBlock } from "../../ipam/block-lease.ts";
import type { Claim } from "../../ipam/claim.ts";
import { layoutOf, poolOf } from "../../ipam/layout.ts";
import { type NodePrefix, rangesOn } from "../../ipam/node-prefix.ts";
import { type ClaimPlace, claimRanges, placeBlock, placeClaim } from "../../ipam/placement.ts";
import { type PoolUser, rangesFor, wishesFor } from "../../ipam/pool.ts";
import { parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import type { IpRange } from "../../lib/range.ts";

import { hostOf } from "./pool-user.ts";

/** An address that a port is to have of a subnet. */
export interface Wish {
  readonly subnet: Subnet;
  /** This one; any free one unless set. */
  readonly address?: string;
}

/** Addresses that the port does not have yet, of these subnets of its network. */
export function openWishes({ spec, status }: Port, subnets: readonly Subnet[]): Wish[] {
  if (spec.joins !== undefined) return [];
  const fixed = spec.fixedIps ?? [];
  const wishes =
    fixed.length === 0
      ? subnets.map((subnet): Wish => ({ subnet }))
      : fixed.flatMap(({ subnet: name, address }): Wish[] => {
          const subnet = subnets.find((each) =>
            name === undefined
              ? containsIp(parsePrefix(each.spec.cidr), parseIp(address!))
              : each.metadata.name === name,
          );
          return subnet ? [{ subnet, ...(address !== undefined && { address }) }] : [];
        });
  const has = ({ subnet }: Wish) =>
    status?.addresses?.some((given) => given.subnet === subnet.metadata.name);
  return wishes.filter((wish) => !has(wish));
}

/**
 * Whether the control plane gets it: a host gives its own ports addresses of its own blocks, and
 * asks for those that lie elsewhere, or that it does not have.
 */
export function isOurs(port: Port, wish: Wish, blocks: readonly IpBlock[]): boolean {
  const host = hostOf(port);
  if (host === undefined || isAskedFor(port, wish.subnet.metadata)) return true;
  if (wish.address === undefined) return false;
  const ip = parseIp(wish.address);
  const block = blocks.find(({ spec: { cidr } }) => containsIp(parsePrefix(cidr), ip));
  return block === undefined || block.spec.host !== host;
}

const isAskedFor = ({ status }: Port, { name }: { readonly name: string }): boolean =>
  status?.wantedAddresses?.includes(name) === true;

interface Had {
  readonly subnet: string;
  /** None yet where unset. */
  readonly address?: string;
}

/** Whether `fixedIps`, if there are any, ask for it. */
const isFixed = ({ spec: { fixedIps = [] } }: Port, { subnet, address }: Had): boolean =>
  fixedIps.length === 0 ||
  fixedIps.some(
    (fixed) => (fixed.subnet ?? subnet) === subnet && (fixed.address ?? address) === address,
  );

/** Whether the port has still a use for what the claim asks, or got, of the block. */
export function isWanted(port: Port, block: IpBlock, claim: Claim): boolean {
  const { subnet } = block.spec;
  const answer = answerOf(block, claim.id);
  const address = answer.kind === "granted" ? answer.address : claim.address;
  if (!isFixed(port, { subnet: subnet.name, ...(address !== undefined && { address }) })) {
    return false;
  }
  if (port.spec.host === undefined || isAskedFor(port, subnet)) return true;
  return port.spec.fixedIps?.some((fixed) => fixed.address && fixed.address === address) ?? false;
}

/** What the control plane holds for a port that asks for others by now, and that nobody uses. */
export function unwished(port: Port): readonly string[] {
  if (port.status?.bindings?.some(({ active }) => active)) return [];
  return claimedAddresses(port)
    .filter(({ subnet, address }) => !isFixed(port, { subnet: subnet!, address }))
    .map(({ address }) => address);
}

/** How long a sticky address is kept for its identity: a workload may be away for weeks. */
const stickyForMs = 90 * 24 * 3_600_000;

export interface Claiming {
  readonly port: Port;
  readonly wish: Wish;
  readonly user: PoolUser;
  readonly pools: readonly IPPool[];
  /** Of the wish's subnet, as blocks are. */
  readonly prefixes: readonly NodePrefix[];
  readonly blocks: readonly IpBlock[];
  readonly nowMs: number;
  /** As of a `Claim`. */
  readonly takesFrom?: string;
}

/** The identity whose address is kept for it. */
const stickyIdentity = ({ port, pools }: Claiming): string | undefined =>
  pools.some(({ spec }) => spec.sticky) ? identityOf(port) : undefined;

/** Whether the port's host asks, not for an address that it can't have, but for want of any. */
const isBorrowing = (claiming: Claiming): boolean =>
  claiming.port.spec.host !== undefined &&
  claiming.wish.address === undefined &&
  stickyIdentity(claiming) === undefined;

/** Whether the port's host gets a block of its own to give the address from. */
export function isServedSoon(claiming: Claiming): boolean {
  const { wish, pools, blocks, nowMs } = claiming;
  // The block that it gets need not be one of the pools that are the port's.
  if (!isBorrowing(claiming) || pools.length > 0) return false;
  const layout = layoutOf(wish.subnet);
  return placeBlock(blocks, { layout, ranges: givenTo(claiming), nowMs }).kind !== "none";
}

/** The place for a claim, but in none of the blocks that were tried. */
export function place(claiming: Claiming, tried: ReadonlySet<string>): ClaimPlace {
  const { port, wish, blocks, nowMs } = claiming;
  const { host } = port.spec;
  const identity = identityOf(port);
  // What it has of its own it has looked through.
  const own = isBorrowing(claiming) ? blocks.filter(({ spec }) => spec.host === host) : [];
  return placeClaim(blocks, {
    layout: layoutOf(wish.subnet),
    ranges: rangesOf(claiming),
    ...(wish.address !== undefined && { address: wish.address }),
    ...(identity !== undefined && { identity }),
    ...(host !== undefined && { host }),
    ...(claiming.takesFrom !== undefined && { takesFrom: claiming.takesFrom }),
    tried: new Set([...tried, ...own.map(({ name }) => name)]),
    nowMs,
  });
}

/** The claim to make on a block. Its id tells whose it is. */
export function newClaim(claiming: Claiming, block: IpBlock): Claim {
  const { port, wish } = claiming;
  const { namespace, name, uid } = port.metadata;
  const identity = identityOf(port);
  return {
    id: `${namespace}/${name}/${crypto.randomUUID()}`,
    owner: uid,
    ranges: claimRanges(block, rangesOf(claiming)),
    ...(wish.address !== undefined && { address: wish.address }),
    ...(identity !== undefined && { identity }),
    ...(stickyIdentity(claiming) !== undefined && { stickyForMs }),
    ...(claiming.takesFrom !== undefined && { takesFrom: claiming.takesFrom }),
  };
}

/** The port of a claim, as `namespace/name`. */
export const portOfClaim = ({ id }: Pick<Claim, "id">): string => id.slice(0, id.lastIndexOf("/"));

/** What ports where this one is are given unasked, but for pools. */
const givenTo = ({ port, wish, prefixes }: Claiming): IpRange[] =>
  rangesOn(hostOf(port), givenRanges(layoutOf(wish.subnet)), prefixes);

function rangesOf(claiming: Claiming): IpRange[] {
  const { wish, user, pools } = claiming;
  const all = pools.map(poolOf);
  return wish.address === undefined
    ? rangesFor(user, givenTo(claiming), all)
    : wishesFor(user, wishableRanges(layoutOf(wish.subnet)), all);
}
