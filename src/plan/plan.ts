/** The difference between what should exist and what does, as ordered steps. Pure. */
import {
  type DeviceObject,
  type ExistingLink,
  isShared,
  type KernelObject,
  type KernelObjectKind,
  type LinkObject,
  type ObjectOf,
} from "../model/kernel-object.ts";
import { differences, key } from "./key.ts";

/**
 * One change. `up` raises what was made down so that it comes up with its settings and addresses:
 * the container's end of a pair, and any other link.
 */
export interface Step {
  readonly op: "create" | "update" | "up" | "delete";
  readonly object: KernelObject;
  /** For `update`: the fields that differ. */
  readonly fields?: readonly string[];
}

/** What an object stands on comes before it; deletion walks this backwards. */
const buildOrder: { [K in KernelObjectKind]: (object: ObjectOf<K>) => number } = {
  // Forwarding last of the global ones: it changes what others mean (accept_ra).
  sysctl: (o) =>
    o.link !== undefined ? 10 : o.path.endsWith("forward") || o.path.endsWith("forwarding") ? 1 : 0,
  "nft-chain": () => 2,
  "nft-element": () => 3,
  // What our tables mark is let pass once they can mark.
  "foreign-accept": () => 3.5,
  // It makes the bridge itself where there is none, so that a refusal leaves none.
  uplink: () => 5,
  link: (o) => (isFoundation(o) ? foundationOrder[o.type] : 8),
  device: () => 8,
  "link-settings": () => 9,
  // Addresses come after it: entering a VRF takes some away.
  "vrf-port": () => 9,
  // Before the container's link is raised.
  "nft-skeleton": () => 9,
  "link-guard": () => 9,
  address: () => 11,
  qdisc: () => 12,
  // What sends the packets in place of the link must be up.
  filter: () => 14,
  // When a link goes down the kernel forgets its neighbours.
  neigh: () => 16,
  // A gateway must be reachable before a route may lead through it.
  route: (o) => (o.gateway === undefined ? 16 : 17),
  // A table is whole before packets are sent to it.
  rule: () => 18,
};
const upRank = { foundations: 13, others: 15 } as const;

/** Links that others stand on: the sub-interface of a trunk before what has it as its parent. */
const foundationOrder = {
  vlan: 4,
  bridge: 6,
  macvlan: 7,
  ipvlan: 7,
  dummy: 7,
  ifb: 7,
  vrf: 7,
  vxlan: 7,
};

function isFoundation(o: LinkObject): o is LinkObject & { type: keyof typeof foundationOrder } {
  if (o.type === "bridge" || o.type === "ifb" || o.type === "vxlan") return true;
  return isShared(o) && Object.hasOwn(foundationOrder, o.type);
}

function rank(step: Step): number {
  if (step.op === "up") {
    const { foundations, others } = upRank;
    return step.object.kind === "link" && isFoundation(step.object) ? foundations : others;
  }
  return buildOrder[step.object.kind](step.object as never);
}

/**
 * The steps from `observed` to `desired`. Both hold only objects in the caller's scope, except that
 * `observed` may hold shared objects: those are never deleted here. Equal states in any order give
 * equal steps.
 */
export function plan(
  desired: readonly KernelObject[],
  observed: readonly KernelObject[],
): readonly Step[] {
  const existing = new Map(observed.map((object) => [key(object), object]));
  const wanted = new Map(desired.map((object) => [key(object), object]));
  const deletes: Step[] = [];
  for (const [name, object] of existing) {
    if (!wanted.has(name) && object.life === "exclusive") deletes.push({ op: "delete", object });
  }
  const writes: Step[] = [];
  for (const [name, object] of wanted) writes.push(...write(object, existing.get(name)));
  // Deletes go first: what they free may be wanted by its next owner in this same plan.
  return [...ordered(deletes).reverse(), ...ordered(writes)];
}

function write(desired: KernelObject, observed: KernelObject | undefined): Step[] {
  const isPair = desired.kind === "link" && desired.type === "veth";
  const raise: Step = { op: "up", object: desired };
  if (!observed) {
    const isRaised = isPair ? desired.peer.up : isMade(desired) && desired.up;
    return [{ op: "create", object: desired }, ...(isRaised ? [raise] : [])];
  }
  const fields = differences(desired, observed);
  if (fields.length === 0) return [];
  const wasUp = observed.kind === "link" && observed.type === "veth" && observed.peer.up;
  const isRaised = isPair && desired.peer.up && !wasUp;
  return [{ op: "update", object: desired, fields }, ...(isRaised ? [raise] : [])];
}

/** A link that comes from nothing, not one that is only configured. */
function isMade(object: KernelObject): object is Exclude<LinkObject, ExistingLink> | DeviceObject {
  return object.kind === "device" || (object.kind === "link" && object.type !== "existing");
}

function ordered(steps: readonly Step[]): Step[] {
  return steps
    .map((step) => ({ step, rank: rank(step), key: key(step.object) }))
    .sort((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ step }) => step);
}

/** What goes away when all of `objects` goes: their deletion, in order. Shared ones stay. */
export function teardown(objects: readonly KernelObject[]): readonly Step[] {
  return plan([], objects);
}
