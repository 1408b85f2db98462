/** What every reconciler is: it looks at objects as they are, and changes what should differ. */
import type { Kind } from "../../api/kind.ts";
import { kinds } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { ifAbsent } from "../../api/status-error.ts";
import { keyOf, keyOfReferrer, referrersPrefix, resourceOf } from "../objects/keys.ts";
import type { Objects } from "../objects/objects.ts";
import { decodeEntry } from "../objects/stored.ts";

/** An object that is there, changed or went. */
export interface Touch {
  /** `ports`. */
  readonly plural: string;
  readonly object?: ApiObject<any, any>;
  readonly previous?: ApiObject<any, any>;
}

export interface ReconcileContext {
  readonly objects: Objects;
  readonly nowMs: () => number;
  /** When this server began to reconcile. */
  readonly sinceMs?: number;
  /** When a host counts as silent; as usual unless set. */
  readonly silence?: Silence;
}

export interface Silence {
  /** After the last that its agent told. */
  readonly afterMs: number;
  /** So long silent it is removed, with its addresses; absent: never. */
  readonly removeAfterMs?: number;
}

export interface Reconciler {
  readonly name: string;
  /** Between two runs for one thing, so that many changes are one. */
  readonly pauseMs: number;
  /** What must be looked at because of this, by names that `run` understands. */
  touched(touch: Touch): readonly string[];
  /** Looks, and writes what differs. Gives in how many ms it must look again, if by itself. */
  run(context: ReconcileContext, what: string): Promise<number | undefined>;
}

export const kindOf = (name: string): Kind<any, any> => kinds.find(({ kind }) => kind === name)!;

/** Who changes objects, in their managed fields. */
export const writer = { manager: "netloom" } as const;

/** `namespace/name`, or `name` of what is in no namespace. */
export const nameOf = ({ metadata }: ApiObject): string =>
  metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;

export function placeOf(name: string): { readonly namespace?: string; readonly name: string } {
  const [first = "", second] = name.split("/");
  return second === undefined ? { name: first } : { namespace: first, name: second };
}

/** The object, unless it is gone. */
export async function find<O extends ApiObject>(
  { objects }: ReconcileContext,
  kind: string,
  name: string,
): Promise<O | undefined> {
  try {
    return (await objects.get(kindOf(kind), placeOf(name))) as O;
  } catch (error) {
    return ifAbsent(error);
  }
}

/** Changes an object's status; one that is gone is fine. */
export async function writeStatus(
  { objects }: ReconcileContext,
  object: ApiObject<any, any>,
  change: (live: ApiObject<any, any>) => object,
): Promise<void> {
  const kind = kindOf(object.kind);
  await objects
    .update(kind, object.metadata, (live) => ({ ...live, status: change(live) }), {
      ...writer,
      subresource: "status",
    })
    .catch(ifAbsent);
}

/** What refers to an object, of one kind. */
export async function referring<O>(
  { objects }: ReconcileContext,
  target: Pick<ApiObject, "kind" | "metadata">,
  kind: string,
): Promise<O[]> {
  const { store } = objects;
  const all = referrersPrefix(keyOf(kindOf(target.kind), target.metadata));
  // Of a network with 10,000 ports its one subnet is asked for again and again.
  const { entries } = await store.list(`${all}${resourceOf(kindOf(kind))}/`);
  const found = await store.getAll(entries.map(({ key }) => keyOfReferrer(key)));
  return found.map((entry) => decodeEntry(entry) as O);
}
