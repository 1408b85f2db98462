/** Whose a part of a subnet is: kept beside hosts, and one host's alone though two ask at once. */
import { equalJson } from "../../api/json.ts";
import { type Host, type IPBlock, kinds, type Subnet } from "../../api/kinds/index.ts";
import type { ApiObject, Fault } from "../../api/object.ts";
import { conflict } from "../../api/status-error.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { isInPlace, type NodePrefix, prefixFault } from "../../ipam/node-prefix.ts";
import { formatPrefix, overlaps, parsePrefix } from "../../lib/prefix.ts";
import type { Store } from "../store/store.ts";
import type { Draft } from "./draft.ts";
import { keyOf, keyOfReferrer, prefixOf, referrersPrefix, turnKey } from "./keys.ts";
import { decodeEntry } from "./stored.ts";

const kindOf = (name: string) => kinds.find(({ kind }) => kind === name)!;
const hostsPrefix = prefixOf(kindOf("Host"));

/** By the subnet's key. */
export const prefixesTurn = (subnet: string): string => turnKey(`prefixes${subnet}`);

/** All of the subnet under this key: references' notes tell, whatever hosts there are. */
export async function nodePrefixesOf(store: Store, subnet: string): Promise<NodePrefix[]> {
  const under = referrersPrefix(subnet) + hostsPrefix.slice("/registry/".length);
  const { entries } = await store.list(under);
  return entries.flatMap(({ key, value }) => {
    const host = keyOfReferrer(key).slice(hostsPrefix.length);
    return value.split(" ").map((cidr) => ({ host, cidr: parsePrefix(cidr) }));
  });
}

/** Prefixes that a host has anew must be whole blocks of their subnets, and no other host's. */
export async function refuseTakenPrefixes(
  draft: Draft,
  { metadata, spec }: Host,
  old?: ApiObject,
): Promise<Fault[]> {
  const before = (old as Host | undefined)?.spec.prefixes ?? [];
  const faults: Fault[] = [];
  for (const [i, prefix] of (spec.prefixes ?? []).entries()) {
    if (before.some((each) => equalJson(each, prefix))) continue;
    const message = await takenBy(draft, metadata.name, prefix);
    const path = `spec.prefixes[${i}].cidr`;
    if (message !== undefined) faults.push({ path, reason: "FieldValueInvalid", message });
  }
  return faults;
}

type PrefixOfHost = NonNullable<Host["spec"]["prefixes"]>[number];

/** Why the host may not have it; undefined: it may, as long as nobody else is given one. */
async function takenBy(draft: Draft, name: string, { subnet, cidr: text }: PrefixOfHost) {
  const [namespace = "", subnetName = ""] = subnet.split("/");
  const key = keyOf(kindOf("Subnet"), { namespace, name: subnetName });
  const entry = await draft.read(key);
  // That there is none is a fault of the reference.
  if (!entry) return undefined;
  const cidr = parsePrefix(text);
  const unfit = prefixFault(layoutOf(decodeEntry(entry) as Subnet), cidr);
  if (unfit !== undefined) return `${unfit} (subnet "${subnet}")`;
  await draft.takeTurn(prefixesTurn(key));
  const all = await nodePrefixesOf(draft.store, key);
  const other = all.find((each) => each.host !== name && overlaps(each.cidr, cidr));
  if (!other) return undefined;
  const theirs = `${formatPrefix(other.cidr)} of host "${other.host}"`;
  return `${text} overlaps ${theirs} in subnet "${subnet}": take another one`;
}

/**
 * No block goes to a host where another's prefix is, or beside its own. The server that leases it
 * may not know of a prefix that was given meanwhile, and is to look again. Throws ApiError
 * (Conflict).
 */
export async function refuseMisplacedBlock(
  draft: Draft,
  { metadata, spec }: IPBlock,
  old?: ApiObject,
): Promise<Fault[]> {
  if (spec.host === "" || spec.host === (old as IPBlock | undefined)?.spec.host) return [];
  const key = keyOf(kindOf("Subnet"), spec.subnet);
  await draft.read(prefixesTurn(key));
  const prefixes = await nodePrefixesOf(draft.store, key);
  if (isInPlace({ cidr: parsePrefix(spec.cidr), host: spec.host }, prefixes)) return [];
  const why = `${spec.cidr} is not host "${spec.host}"'s to have: look at hosts' spec.prefixes`;
  throw conflict(kindOf("IPBlock"), metadata.name, why);
}
