/** What a kind of objects is to server, clients and documents. */
import type { ApiObject, Fault } from "./object.ts";
import type { ObjectSchema, Value } from "./schema.ts";

/** A column of a table. */
export interface Column<O> {
  readonly name: string;
  readonly type: "string" | "integer" | "boolean" | "date";
  readonly description: string;
  /** Shown only by `-o wide`. */
  readonly wide?: true;
  /** Undefined and empty text are shown as `<none>`. Dates are RFC 3339; they are shown as ages. */
  readonly cell: (object: O, nowMs: number) => string | number | boolean | undefined;
}

/** Another object that this one stands on, and so can't go. */
export interface Reference {
  /** Of the field that names it. */
  readonly path: string;
  readonly kind: string;
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly name: string;
  /** What of it the store keeps beside the object, to be found without reading each that refers. */
  readonly note?: string;
}

export interface Kind<
  Spec extends ObjectSchema = ObjectSchema,
  Status extends ObjectSchema = ObjectSchema,
> {
  /** `netloom.dev`; the empty text is Kubernetes' core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  readonly description: string;
  readonly spec: Spec;
  readonly status: Status;
  /** Beside the name, which is always first, and the age, which is always last. */
  readonly columns: readonly Column<ApiObject<Value<Spec>, Value<Status>>>[];
  /** Paths that field selectors may name, beside `metadata.name` and `metadata.namespace`. */
  readonly selectable: readonly string[];
  /** What the schema can't say. Called with defaults filled in, once the schema is satisfied. */
  readonly check?: (object: ApiObject<Value<Spec>, Value<Status>>) => Fault[];
  /** Objects that must exist while this one does. */
  readonly references?: (object: ApiObject<Value<Spec>, Value<Status>>) => Reference[];
  /** Only the server makes, changes and removes them: holders report their status, users read. */
  readonly managed?: true;
}

/** The object of a kind. */
export type ObjectOfKind<K> =
  K extends Kind<infer Spec, infer Status> ? ApiObject<Value<Spec>, Value<Status>> : never;

/** Keeps what a kind's tables say in its type. */
export function defineKind<const Spec extends ObjectSchema, const Status extends ObjectSchema>(
  kind: Kind<Spec, Status>,
): Kind<Spec, Status> {
  return kind;
}

/** `networks.netloom.dev`, as Kubernetes calls a resource; `namespaces` of the core group. */
export function resourceName(kind: Pick<Kind, "plural" | "group">): string {
  return kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
}

/** `netloom.dev/v1alpha1`, or `v1` of the core group. */
export function apiVersionOf(kind: Pick<Kind, "group" | "version">): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}
