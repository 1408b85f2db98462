/** Compares two observations and weighs what differs against the list of intended differences. */
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
  /** Narrows it further; without it, any values count. */
  readonly when?: (reference: unknown, ours: unknown) => boolean;
}

export function differences(name: string, reference: Observation, ours: Observation): Difference[] {
  const [left, right] = [flatten(reference), flatten(ours)];
  const places = [...new Set([...left.keys(), ...right.keys()])].sort();
  return places
    .filter((place) => left.get(place) !== right.get(place))
    .map((place) => ({
      where: `${name} / ${place}`,
      reference: left.get(place),
      ours: right.get(place),
    }));
}

/** From place to plain value. An empty object or list is a value too. */
function flatten(value: unknown): Map<string, unknown> {
  const flat = new Map<string, unknown>();
  const visit = (place: string, item: unknown) => {
    if (item === null || typeof item !== "object") {
      flat.set(place, item);
      return;
    }
    const entries = Object.entries(item);
    if (entries.length === 0 && place !== "") flat.set(place, Array.isArray(item) ? "[]" : "{}");
    for (const [key, inner] of entries) visit(place === "" ? key : `${place} / ${key}`, inner);
  };
  visit("", value);
  return flat;
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
