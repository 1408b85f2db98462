/** Filters as GoBGP's global policies: what may be told to whom, and believed. Pure. */
import { addressBits } from "../lib/ip.ts";
import { containsPrefix, formatPrefix, type Prefix, parsePrefix } from "../lib/prefix.ts";
import { familyMessage } from "./family.ts";
import type { definedSet, policy, statement } from "./gobgp/messages.ts";
import type { Message } from "./gobgp/protobuf.ts";
import type { PrefixFilter } from "./input.ts";

type Statement = Message<typeof statement>;
type DefinedSet = Message<typeof definedSet>;

/** Assignments go by these names, and outlive a change of what they stand for. */
export const policyNames = { import: "netloom-import", export: "netloom-export" } as const;

export interface Policies {
  readonly definedSets: readonly DefinedSet[];
  readonly policies: readonly Message<typeof policy>[];
}

/** What goes in one direction with some neighbours. */
export interface Rule {
  readonly direction: "import" | "export";
  /** Of letters, digits, dots and hyphens; one of a kind in its direction. */
  readonly name: string;
  readonly neighbors: readonly string[];
  readonly prefixes: readonly PrefixFilter[];
  /** Only paths of this origin; any unless set. */
  readonly from?: "local" | "internal";
  readonly communities?: readonly string[];
  readonly keepNextHop?: boolean;
}

/** What we add ourselves passes the import policy like anything else. */
const ownGoesIn: Statement = {
  name: "import-own",
  conditions: { routeType: "local" },
  actions: { route: "accept" },
};

/** A path that no rule matches is neither told nor believed. Equal input, equal output. */
export function policiesOf(rules: readonly Rule[]): Policies {
  const parts = rules.map(partsOf);
  const statements = (direction: Rule["direction"]) =>
    parts.filter((part) => part.direction === direction).flatMap((part) => part.statements);
  return {
    definedSets: parts.flatMap((part) => part.sets),
    policies: [
      { name: policyNames.import, statements: [ownGoesIn, ...statements("import")] },
      { name: policyNames.export, statements: statements("export") },
    ],
  };
}

function partsOf(rule: Rule) {
  const base = `${rule.direction}-${rule.name}`;
  const neighbors: DefinedSet = {
    type: "neighbor",
    name: base,
    list: rule.neighbors.map((address) => `${address}/${address.includes(":") ? 128 : 32}`),
  };
  const families = ([4, 6] as const).flatMap((family) => {
    const filters = rule.prefixes.filter(({ cidr }) => cidr.includes(":") === (family === 6));
    return filters.length === 0 ? [] : [{ family, filters, name: `${base}-ipv${family}` }];
  });
  const isEmpty = rule.neighbors.length === 0 || families.length === 0;
  if (isEmpty) return { direction: rule.direction, sets: [], statements: [] };
  const sets = families.map(
    ({ name, filters }): DefinedSet => ({
      type: "prefix",
      name,
      prefixes: filters.map((filter) => ({ prefix: filter.cidr, ...bounds(filter) })),
    }),
  );
  const statements = families.map(
    ({ name, family }): Statement => ({
      name,
      conditions: {
        prefixSet: { type: "any", name },
        neighborSet: { type: "any", name: base },
        ...(rule.from && { routeType: rule.from }),
        families: [familyMessage[family]],
      },
      actions: { route: "accept", ...communityActions(rule.communities ?? []), ...hop(rule) },
    }),
  );
  return { direction: rule.direction, sets: [neighbors, ...sets], statements };
}

const hop = ({ keepNextHop }: Rule) => (keepNextHop ? { nextHop: { unchanged: true } } : {});

/** Two numbers are a community (RFC 1997), three a large one (RFC 8092). */
function communityActions(communities: readonly string[]) {
  const large = communities.filter((each) => each.split(":").length === 3);
  const plain = communities.filter((each) => !large.includes(each));
  const add = (list: readonly string[]) => ({ type: "add" as const, communities: list });
  return {
    ...(plain.length > 0 && { community: add(plain) }),
    ...(large.length > 0 && { largeCommunity: add(large) }),
  };
}

function bounds({ cidr, minLength, maxLength }: PrefixFilter) {
  const { family, length } = parsePrefix(cidr);
  return { least: minLength ?? length, most: maxLength ?? addressBits(family) };
}

/** What is in any of the prefixes and passes any of the filters. */
export function within(
  prefixes: readonly string[],
  filters: readonly PrefixFilter[],
): PrefixFilter[] {
  return prefixes.flatMap((text) => {
    const outer = parsePrefix(text);
    return filters.flatMap((filter) => overlap(outer, filter));
  });
}

function overlap(outer: Prefix, filter: PrefixFilter): PrefixFilter[] {
  const inner = parsePrefix(filter.cidr);
  const { least, most } = bounds(filter);
  if (containsPrefix(outer, inner)) return [{ ...filter, minLength: least, maxLength: most }];
  if (!containsPrefix(inner, outer) || most < outer.length) return [];
  const minLength = Math.max(least, outer.length);
  return [{ cidr: formatPrefix(outer), minLength, maxLength: most }];
}

/** Neighbours that are told a path of our own. */
export function toldOf(rules: readonly Rule[], text: string): string[] {
  const prefix = parsePrefix(text);
  const passes = (filter: PrefixFilter) => {
    const { least, most } = bounds(filter);
    const isIn = containsPrefix(parsePrefix(filter.cidr), prefix);
    return isIn && prefix.length >= least && prefix.length <= most;
  };
  const telling = rules.filter(
    ({ direction, from, prefixes }) =>
      direction === "export" && from !== "internal" && prefixes.some(passes),
  );
  return [...new Set(telling.flatMap(({ neighbors }) => neighbors))].sort();
}
