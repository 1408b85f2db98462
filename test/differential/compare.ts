/** Compares two observations and weighs what differs against the list of intended differences. */
import type { Feature } from "../support/kernel-features.ts";
import type { Observation } from "./observe.ts";

/** One place where the two sides differ. Absent values are undefined. */
export interface Difference {
  /** The case's name and the place: `masquerade / after ADD / host / links / br0 / mtu`. */
  readonly where: string;
  readonly reference: unknown;
  readonly ours: unknown;
}

/** A difference that is meant. */
export interface Intended {
  readonly where: RegExp;
  readonly reason: string;
  /** It depends on chance or load: it may also be absent. */
  readonly sometimes?: true;
  /** What the kernel must have for its cases. */
  readonly needs?: readonly Feature[];
  /** Narrows it further; without it, any values count. */
  readonly when?: (reference: unknown, ours: unknown) => boolean;
}

export function differences(name: string, reference: Observation, ours: Observation): Difference[] {
  const found: Difference[] = [];
  const visit = (where: string, left: unknown, right: unknown) => {
    if (!isTree(left) || !isTree(right)) {
      // What only one side has is one difference, not one for each of its parts.
      if (left !== right) found.push({ where, reference: left, ours: right });
      return;
    }
    for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
      visit(`${where} / ${key}`, left[key], right[key]);
    }
  };
  visit(name, reference, ours);
  return found;
}

function isTree(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object";
}

/** The entry that a difference falls under. */
export function intendedBy(
  difference: Difference,
  list: readonly Intended[],
): Intended | undefined {
  return list.find(({ where, when }) => {
    if (!where.test(difference.where)) return false;
    return when === undefined || when(difference.reference, difference.ours);
  });
}

/** A difference as a line to read. */
export function show({ where, reference, ours }: Difference): string {
  return `${where}: reference ${JSON.stringify(reference)}, ours ${JSON.stringify(ours)}`;
}
