/** Parts that the kinds of BGP share, and what is wrong with them alone. */
import { addressBits } from "../../lib/ip.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { maxAsNumber } from "../../model/bgp.ts";
import type { Fault } from "../object.ts";
import { integer, list, object, text } from "../schema.ts";

export const asNumberBounds = { minimum: 1, maximum: maxAsNumber } as const;

const fault = (path: string, message: string): Fault => ({
  ...{ path, reason: "FieldValueInvalid", message },
});

export const prefixFilters = (description: string) =>
  list(
    description,
    object("Prefixes within one, of lengths in these bounds.", {
      cidr: text("What they lie within.", { format: "cidr", required: true }),
      minLength: integer("At least so long; as cidr unless set.", { minimum: 0, maximum: 128 }),
      maxLength: integer("At most so long; single addresses unless set.", {
        minimum: 0,
        maximum: 128,
      }),
    }),
  );

interface PrefixFilter {
  readonly cidr: string;
  readonly minLength?: number;
  readonly maxLength?: number;
}

/** Lengths from the prefix's own to the family's, the least before the most. */
export function filterFaults(filters: readonly PrefixFilter[] = [], path: string): Fault[] {
  return filters.flatMap(({ cidr, minLength, maxLength }, i) => {
    const { family, length } = parsePrefix(cidr);
    const bits = addressBits(family);
    const bounds = Object.entries({ minLength, maxLength }).flatMap(([name, value]) =>
      value === undefined || (value >= length && value <= bits)
        ? []
        : fault(`${path}[${i}].${name}`, `must be from ${length}, that of cidr, to ${bits}`),
    );
    if (bounds.length > 0 || (minLength ?? length) <= (maxLength ?? bits)) return bounds;
    return fault(`${path}[${i}].maxLength`, `must be minLength (${minLength}) or more`);
  });
}

export const communities = (description: string) =>
  list(
    `${description} Two numbers, as 64512:100 (RFC 1997), or three (RFC 8092).`,
    text("A community.", { pattern: "\\d{1,10}(:\\d{1,10}){1,2}" }),
  );

/** Halves of 16 bits, thirds of 32. */
export function communityFaults(values: readonly string[] = [], path: string): Fault[] {
  return values.flatMap((value, i) => {
    const parts = value.split(":").map(Number);
    const most = parts.length === 2 ? 2 ** 16 - 1 : maxAsNumber;
    if (parts.every((part) => part <= most)) return [];
    return fault(`${path}[${i}]`, `has a number above ${most}`);
  });
}
