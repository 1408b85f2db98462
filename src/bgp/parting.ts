/**
 * How a peer is told that a prefix is no more for it, while others go on. The daemon withdraws
 * nothing for a new filter's sake, but a path that changes is withdrawn from whoever is told it no
 * more and was told the one before. So for a moment the path bears a mark, and these policies tell
 * such peers what bears none. Pure.
 */
import { parsePrefix } from "../lib/prefix.ts";
import type { Desired } from "./desired.ts";
import type { path, statement } from "./gobgp/messages.ts";
import type { Message } from "./gobgp/protobuf.ts";
import { communityAttribute } from "./paths.ts";
import { type Policies, policyNames } from "./policies.ts";

/** Nobody's: those that begin with 0 are reserved (RFC 1997). */
const mark = { text: "0:108", value: 108 } as const;
const markSet = { type: "community", name: "parting", list: [mark.text] } as const;

/** By neighbour, the prefixes that it was told and is to be told no more. */
export type Parted = ReadonlyMap<string, readonly string[]>;

export function marked(of: Message<typeof path>): Message<typeof path> {
  return { ...of, attributes: [...(of.attributes ?? []), communityAttribute([mark.value])] };
}

export function partingPolicies({ policies }: Pick<Desired, "policies">, parted: Parted): Policies {
  const parts = [...parted].flatMap(([address, prefixes], i) =>
    ([4, 6] as const).flatMap((family) => {
      const own = prefixes.filter((prefix) => parsePrefix(prefix).family === family);
      return own.length === 0 ? [] : [partOf(`parting-${i}-ipv${family}`, address, own)];
    }),
  );
  return {
    definedSets: [...policies.definedSets, markSet, ...parts.flatMap(({ sets }) => sets)],
    policies: policies.policies.map((policy) =>
      policy.name === policyNames.export
        ? {
            ...policy,
            statements: [...parts.map((part) => part.statement), ...(policy.statements ?? [])],
          }
        : policy,
    ),
  };
}

function partOf(name: string, address: string, prefixes: readonly string[]) {
  const exactly = prefixes.map((prefix) => {
    const { length } = parsePrefix(prefix);
    return { prefix, least: length, most: length };
  });
  const rule: Message<typeof statement> = {
    name,
    conditions: {
      prefixSet: { type: "any", name },
      neighborSet: { type: "any", name: `${name}-neighbor` },
      communitySet: { type: "invert", name: markSet.name },
      routeType: "local",
    },
    actions: { route: "accept" },
  };
  const sets = [
    { type: "prefix", name, prefixes: exactly },
    {
      type: "neighbor",
      name: `${name}-neighbor`,
      list: [`${address}/${address.includes(":") ? 128 : 32}`],
    },
  ] as const;
  return { statement: rule, sets };
}
