/** Who refers to what: kept beside the objects, in the same commits, so that none is left. */
import type { Kind, Reference } from "../../api/kind.ts";
import { kinds } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import type { ApiObject, Fault } from "../../api/object.ts";
import type { Draft } from "./draft.ts";
import { keyOf, lockKey, referrerKey } from "./keys.ts";
import { decodeEntry } from "./stored.ts";

type AnyKind = Kind<any, any>;

/** A reference, and the key of what it names. */
export interface Target extends Reference {
  readonly key: string;
  /** It need not exist and may go: the reference is there to be found by. */
  readonly loose?: true;
}

const kindOf = (name: string): AnyKind => kinds.find(({ kind }) => kind === name)!;

/** What an object refers to, each once. */
export function targetsOf(kind: AnyKind, object: ApiObject<any, any>): Target[] {
  const strong = (kind.references?.(object) ?? []).map((reference) => ({
    ...reference,
    key: keyOf(kindOf(reference.kind), reference),
  }));
  const loose = [...hostsOf(kind, object), ...joinedOf(kind, object)];
  const all = [...strong, ...loose, ...subnetsOf(kind, object)];
  return [...new Map(all.map((target) => [target.key, target])).values()];
}

/** A host's ports and blocks are found by it, also those of a host that is no more. */
function hostsOf(kind: AnyKind, { spec, status }: ApiObject<any, any>): Target[] {
  if (kind.kind !== "Port" && kind.kind !== "IPBlock") return [];
  const bindings: readonly { readonly host: string; readonly active: boolean }[] =
    kind.kind === "Port" ? (status?.bindings ?? []) : [];
  const names = [spec.host, ...bindings.map(({ host }) => host)];
  return names
    .filter((name) => typeof name === "string" && name !== "")
    .map((name) => {
      const key = keyOf(kindOf("Host"), { name });
      const reference = { path: "spec.host", kind: "Host", name, key };
      // No block is leased to a host that is none, or is being removed.
      return kind.kind === "Port" ? { ...reference, loose: true } : reference;
    });
}

/** Those who join a port are found by it, also before it is made. */
function joinedOf(kind: AnyKind, { metadata, spec }: ApiObject<any, any>): Target[] {
  if (kind.kind !== "Port" || spec.joins === undefined) return [];
  const place = { namespace: metadata.namespace ?? "", name: spec.joins };
  const key = keyOf(kind, place);
  return [{ path: "spec.joins", kind: "Port", ...place, key, loose: true }];
}

/** A subnet stays while ports have addresses of it, or are to have. */
function subnetsOf(kind: AnyKind, { metadata, spec, status }: ApiObject<any, any>): Target[] {
  if (kind.kind !== "Port") return [];
  const { namespace } = networkOfPort(spec, metadata.namespace ?? "");
  const of = (subnets: readonly { readonly subnet?: string }[] | undefined, path: string) =>
    (subnets ?? []).flatMap(({ subnet: name }, i) => {
      if (name === undefined) return [];
      const key = keyOf(kindOf("Subnet"), { namespace, name });
      return [{ path: `${path}[${i}].subnet`, kind: "Subnet", namespace, name, key }];
    });
  // What an agent reports is so, whatever went meanwhile.
  const reported = of(status?.addresses, "status.addresses");
  return [
    ...reported.map((target) => ({ ...target, loose: true as const })),
    ...of(spec.fixedIps, "spec.fixedIps"),
  ];
}

interface Change {
  readonly kind: AnyKind;
  readonly key: string;
  readonly old?: ApiObject;
  readonly next?: ApiObject;
}

/**
 * Notes what the change does to references. Objects that are referred to anew must exist and may
 * not be going, until the commit: gives what is wrong otherwise.
 */
export async function draftReferences(draft: Draft, change: Change): Promise<Fault[]> {
  const before = change.old ? targetsOf(change.kind, change.old) : [];
  const after = change.next ? targetsOf(change.kind, change.next) : [];
  const isIn = (targets: readonly Target[], { key }: Target) => targets.some((t) => t.key === key);
  for (const target of before) {
    if (!isIn(after, target)) draft.remove(referrerKey(target.key, change.key));
  }
  const faults: Fault[] = [];
  for (const target of after) {
    const known = before.find(({ key }) => key === target.key);
    if (known && known.note === target.note) continue;
    draft.put(referrerKey(target.key, change.key), target.note ?? "");
    if (!known && !target.loose) faults.push(...(await targetFaults(draft, target)));
  }
  return faults;
}

async function targetFaults(draft: Draft, target: Target): Promise<Fault[]> {
  const entry = await draft.read(target.key);
  const lock = await draft.read(lockKey(target.key));
  const named = `${target.kind} "${target.namespace === undefined ? "" : `${target.namespace}/`}${target.name}"`;
  const fault = (reason: Fault["reason"], message: string) => [
    { path: target.path, reason, message },
  ];
  if (!entry) return fault("FieldValueNotFound", `there is no ${named}: create it first`);
  const isGoing = decodeEntry(entry).metadata.deletionTimestamp !== undefined;
  return lock || isGoing ? fault("FieldValueInvalid", `${named} is being deleted`) : [];
}
