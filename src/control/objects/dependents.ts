/** What goes along with an object, and whether who deletes that may delete those. */
import type { Kind } from "../../api/kind.ts";
import { kinds } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { forbidden } from "../../api/status-error.ts";
import type { Store } from "../store/store.ts";
import { keyOfReferrer, referrersPrefix, resourceOf, resourceOfKey } from "./keys.ts";

type AnyKind = Kind<any, any>;

/** Whether the caller may delete objects of a kind, in a namespace where it has them. */
export type MayDelete = (kind: AnyKind, namespace: string | undefined) => Promise<boolean>;

interface Dependents {
  readonly kind: AnyKind;
  readonly namespace: string | undefined;
  readonly count: number;
}

const kindByResource = new Map(kinds.map((kind) => [resourceOf(kind), kind]));

/** Hosts stay: they lose their prefixes of a subnet. */
const goesAlong = ({ managed, kind }: AnyKind): boolean => !managed && kind !== "Host";

/** All that refers to the object, directly or not, without what the server itself manages. */
async function dependentsOf(store: Store, key: string): Promise<Dependents[]> {
  const seen = new Set<string>();
  const found = new Map<string, Dependents>();
  await note(key);
  return [...found.values()];

  async function note(target: string): Promise<void> {
    const { entries } = await store.list(referrersPrefix(target));
    for (const referrer of entries.map((entry) => keyOfReferrer(entry.key))) {
      const kind = kindByResource.get(resourceOfKey(referrer))!;
      if (!goesAlong(kind) || seen.has(referrer)) continue;
      seen.add(referrer);
      const namespace = kind.namespaced ? referrer.split("/")[4] : undefined;
      const group = `${kind.plural}/${namespace ?? ""}`;
      const count = (found.get(group)?.count ?? 0) + 1;
      found.set(group, { kind, namespace, count });
      if (kind.kind !== "Port") await note(referrer);
    }
  }
}

/** So many are named. */
const named = 5;

interface Going {
  readonly kind: AnyKind;
  readonly key: string;
  readonly live: ApiObject;
}

/** Throws ApiError (Forbidden) where it would take along what its caller may not delete. */
export async function refuseBeyondReach(
  store: Store,
  { kind, key, live }: Going,
  mayDelete: MayDelete,
): Promise<void> {
  const beyond: Dependents[] = [];
  for (const each of await dependentsOf(store, key)) {
    if (!(await mayDelete(each.kind, each.namespace))) beyond.push(each);
  }
  if (beyond.length === 0) return;
  const rest = beyond.length > named ? `, and others in ${beyond.length - named} more places` : "";
  const why =
    `it would take along ${beyond.slice(0, named).map(tell).join(", ")}${rest}, which you may not ` +
    "delete: let their owners delete them first, or an admin of all tenants delete it";
  throw forbidden(kind, live.metadata.name, why);
}

/** `3 ports in namespace "team-a"`. */
const tell = ({ kind, namespace, count }: Dependents): string =>
  `${count} ${count === 1 ? kind.singular : kind.plural}` +
  (namespace === undefined ? "" : ` in namespace "${namespace}"`);
