/** The difference between what should exist and what does, as ordered steps. Pure. */
import type {
  BridgeLink,
  KernelObject,
  KernelObjectKind,
  ObjectOf,
} from "../model/kernel-object.ts";
import { differences, key } from "./key.ts";

/**
 * One change. `up` raises what was made down so that it comes up with its settings and addresses:
 * the container's end of a link, and a bridge.
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
    o.link !== undefined ? 6 : o.path.endsWith("forward") || o.path.endsWith("forwarding") ? 1 : 0,
  "nft-chain": () => 2,
  "nft-element": () => 3,
  link: (o) => (o.type === "bridge" ? 4 : 5),
  address: () => 7,
  // A gateway must be reachable before a route may lead through it.
  route: (o) => (o.gateway === undefined ? 10 : 11),
};
const upRank = { bridge: 8, others: 9 } as const;

function rank(step: Step): number {
  if (step.op === "up") return isBridge(step.object) ? upRank.bridge : upRank.others;
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
    const isRaised = isPair ? desired.peer.up : isBridge(desired) && desired.up;
    return [{ op: "create", object: desired }, ...(isRaised ? [raise] : [])];
  }
  const fields = differences(desired, observed);
  if (fields.length === 0) return [];
  const wasUp = observed.kind === "link" && observed.type === "veth" && observed.peer.up;
  const isRaised = isPair && desired.peer.up && !wasUp;
  return [{ op: "update", object: desired, fields }, ...(isRaised ? [raise] : [])];
}

function isBridge(object: KernelObject): object is BridgeLink {
  return object.kind === "link" && object.type === "bridge";
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
