/** Gives ports of this host addresses out of the host's own blocks, without asking anybody. */
import type { Subnet } from "../../api/kinds/index.ts";
import { type AddressRequest, allocate, type Moment } from "../../ipam/allocate.ts";
import { wishableRanges } from "../../ipam/block.ts";
import {
  type BlockAllocation,
  free,
  freeUnless,
  isAmong,
  ownFree,
} from "../../ipam/block-allocation.ts";
import { type BlockView, type Holder, heedView } from "../../ipam/block-holder.ts";
import { ConflictError } from "../../ipam/errors.ts";
import { layoutOf, poolOf } from "../../ipam/layout.ts";
import { type PoolUser, rangesFor, wishesFor } from "../../ipam/pool.ts";
import type { Begun } from "../../lib/begun.ts";
import { canonicalIp } from "../../lib/ip.ts";
import type { NodeSpec } from "../spec/node-spec.ts";
import type { BlockFolder } from "./block-folder.ts";
import { givenHere } from "./given-here.ts";
import { subnetName } from "./layout.ts";

/** An address that a port wants. */
export interface AddressWish {
  readonly subnet: Subnet;
  /** This one; any free one unless set. */
  readonly address?: string;
}

/** Who wants it. */
export interface AddressUser extends PoolUser {
  /** `<containerId>/<ifName>`, or a port's uid. */
  readonly owner: string;
  readonly identity?: string;
}

/** How long a sticky address is kept for its identity: a workload may be away for weeks. */
const stickyForMs = 90 * 24 * 3_600_000;

export class Addresses {
  readonly #folder: BlockFolder;
  readonly #spec: NodeSpec;
  readonly #boot: string;

  constructor(folder: BlockFolder, { spec, boot }: { spec: NodeSpec; boot: string }) {
    this.#folder = folder;
    this.#spec = spec;
    this.#boot = boot;
  }

  get moment(): Moment {
    return { nowMs: Date.now(), boot: this.#boot };
  }

  get blocks(): readonly BlockAllocation[] {
    return this.#folder.blocks;
  }

  blocksOf(subnet: Subnet): BlockAllocation[] {
    const { namespace, name } = subnetName(subnet);
    return this.blocks.filter(
      (block) => block.subnet.namespace === namespace && block.subnet.name === name,
    );
  }

  /**
   * One address; the one that the user holds if he holds one. It survives a crash of the host once
   * `sync` is done. Throws ConflictError, ExhaustedError, UnavailableError, FileError.
   */
  give({ subnet, address }: AddressWish, user: AddressUser): string {
    const blocks = this.blocksOf(subnet);
    const given = allocate(blocks, this.#requestOf({ subnet, address }, user), this.moment);
    if (!blocks.includes(given.state)) this.#folder.write(given.state);
    return given.address;
  }

  /** Throws ConflictError where a pool keeps the wish for others, unless the user has it. */
  refuseKept({ subnet, address }: AddressWish, user: AddressUser): void {
    if (address === undefined || this.heldBy(user.owner).includes(canonicalIp(address))) return;
    if (isAmong(this.#requestOf({ subnet, address }, user).ranges, address)) return;
    const { name } = subnet.metadata;
    throw new ConflictError(
      `${canonicalIp(address)} of subnet "${name}" is not to be had: its pool keeps it for others. ` +
        "Take another one, or have an admin change the pool",
    );
  }

  /** Whether a claim holds the address that is wished for this port. */
  isHeldFor({ subnet, address }: AddressWish, portUid: string): boolean {
    if (address === undefined) return false;
    const at = canonicalIp(address);
    return this.blocksOf(subnet).some(({ held }) => held[at]?.owner === portUid);
  }

  /** Whether a block that is not here may keep an address for the user's identity. */
  mayBeElsewhere({ subnet, address }: AddressWish, { identity, owner }: AddressUser): boolean {
    const isSticky = this.#spec.poolsOf(subnet).some(({ spec }) => spec.sticky);
    if (address !== undefined || identity === undefined || !isSticky) return false;
    const search = { ranges: wishableRanges(layoutOf(subnet)), nowMs: this.moment.nowMs };
    return !this.blocksOf(subnet).some(
      (block) => holds(block, owner) || ownFree(block, identity, search),
    );
  }

  #requestOf({ subnet, address }: AddressWish, user: AddressUser): AddressRequest {
    const layout = layoutOf(subnet);
    const pools = this.#spec.poolsOf(subnet);
    const own = pools.map(poolOf);
    const { owner, identity } = user;
    const isSticky = pools.some(({ spec }) => spec.sticky);
    return {
      owner,
      ranges:
        address === undefined
          ? rangesFor(user, givenHere(this.#spec, subnet), own)
          : wishesFor(user, wishableRanges(layout), own),
      ...(address !== undefined && { address }),
      ...(identity !== undefined && { identity }),
      ...(identity !== undefined && isSticky && { stickyForMs }),
    };
  }

  /** Begins to write what the owner holds to the disk. */
  sync(owner: string): Begun {
    const held = this.blocks.filter((block) => holds(block, owner));
    return this.#folder.sync(held.map(({ block }) => block));
  }

  /** What the owner holds, in canonical text. */
  heldBy(owner: string): string[] {
    return this.blocks.flatMap(({ held }) =>
      Object.entries(held).flatMap(([address, { owner: other }]) =>
        other === owner ? [address] : [],
      ),
    );
  }

  /** Succeeds when the owner holds none, and on a full disk. */
  free(owner: string): void {
    const { nowMs } = this.moment;
    for (const block of this.blocks) {
      const next = free(block, owner, nowMs);
      if (next !== block) this.#folder.writeFreed(next);
    }
  }

  /** As BlockFolder. */
  retry(): string | undefined {
    return this.#folder.retry();
  }

  /** Frees what is held by owners that are no more. Succeeds on a full disk. */
  freeUnless(isAlive: (owner: string) => boolean): void {
    const { nowMs } = this.moment;
    for (const block of this.blocks) {
      const next = freeUnless(block, isAlive, nowMs);
      if (next !== block) this.#folder.writeFreed(next);
    }
  }

  /**
   * What the control plane says of this host's blocks; `running` as a `Holder` has it. Gives
   * whether anything changed.
   */
  heed(view: BlockView, running: Holder["running"]): boolean {
    const { forgotten, blocks } = this.#folder;
    // Of a block that was never reported, only what runs here tells what was given.
    const isOpenable = (name: string) => !this.#folder.misses(name) || running() !== undefined;
    const heeded = { ...view, blocks: view.blocks.filter(({ name }) => isOpenable(name)) };
    const steps = heedView({ forgotten, blocks, running }, heeded, this.moment);
    for (const step of steps) this.#folder.take(step);
    if (view.boot === this.#boot) this.#folder.missOnly(view.blocks.map(({ name }) => name));
    return steps.length > 0;
  }

  /** As BlockFolder. */
  get damage(): readonly string[] {
    return this.#folder.damage;
  }

  /** As BlockFolder. */
  passed(revision: number): void {
    this.#folder.passed(revision);
  }

  /** Replaces a block's state, durably. */
  put(state: BlockAllocation): void {
    this.#folder.take({ kind: "write", state });
  }
}

const holds = ({ held }: BlockAllocation, owner: string): boolean =>
  Object.values(held).some((holding) => holding.owner === owner);
