/** How a client wants objects: whole, as rows of a table, or their metadata alone. */
import { apiVersionOf, type Kind } from "../../api/kind.ts";
import type { ApiObject } from "../../api/object.ts";
import { badRequest, notAcceptable } from "../../api/status-error.ts";
import { type IncludeObject, tableOf } from "../../api/table.ts";
import type { Listed } from "../objects/reading.ts";
import { textOf } from "../objects/stored.ts";

type AnyKind = Kind<any, any>;

export interface Representation {
  /** Whole objects: their JSON is the same for all clients. */
  readonly isWhole: boolean;
  one(object: ApiObject): unknown;
  /** Its last member holds what stands for the objects. */
  list(objects: readonly ApiObject[], metadata: ListMeta | Record<string, never>): List;
  /** What stands for each in a list, as JSON. */
  texts(listed: readonly Listed[]): string[];
  /** Of a watch's event; `isFirst`: what later ones may leave out is in it. */
  event(object: ApiObject, isFirst: boolean): unknown;
}

interface List {
  readonly metadata: object;
}

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
}

const objectsOf = (listed: readonly Listed[]) => listed.map(({ object }) => object);

const plain = ["application/json", "application/*", "*/*"];

/** By the `Accept` header, in its order. Throws ApiError (NotAcceptable). */
export function representationOf(kind: AnyKind, request: Request): Representation {
  const accept = request.headers.get("accept") || "*/*";
  for (const part of accept.split(",")) {
    const [type = "", ...parameters] = part.split(";").map((each) => each.trim());
    if (!plain.includes(type.toLowerCase())) continue;
    const { as, g, v } = Object.fromEntries(parameters.map((each) => each.split("=")));
    if (as === undefined) return whole(kind);
    if (g !== "meta.k8s.io" || v !== "v1") continue;
    if (as === "Table") return table(kind, new URL(request.url).searchParams);
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return partial;
  }
  throw notAcceptable(["application/json", "application/json;as=Table;v=v1;g=meta.k8s.io"]);
}

function whole(kind: AnyKind): Representation {
  const apiVersion = apiVersionOf(kind);
  return {
    isWhole: true,
    one: (object) => object,
    event: (object) => object,
    list: (items, metadata) => ({ kind: `${kind.kind}List`, apiVersion, metadata, items }),
    // Without reading what is sent as it is.
    texts: (listed) => listed.map(({ entry }) => textOf(entry)),
  };
}

const includes: readonly IncludeObject[] = ["None", "Metadata", "Object"];

/** Throws ApiError (BadRequest). */
function table(kind: AnyKind, query: URLSearchParams): Representation {
  const include = (query.get("includeObject") || "Metadata") as IncludeObject;
  if (!includes.includes(include)) throw badRequest(`includeObject: "${include}" is unknown`);
  const of = (objects: readonly ApiObject[], listMetadata: object) =>
    tableOf(kind, objects, { nowMs: Date.now(), listMetadata, include });
  const one = (object: ApiObject) =>
    of([object], { resourceVersion: object.metadata.resourceVersion });
  return {
    isWhole: false,
    one,
    list: of,
    texts: (listed) => of(objectsOf(listed), {}).rows.map((row) => JSON.stringify(row)),
    event: (object, isFirst) =>
      isFirst ? one(object) : { ...one(object), columnDefinitions: null },
  };
}

const metaVersion = "meta.k8s.io/v1";

const metadataOf = ({ metadata }: ApiObject) => ({
  kind: "PartialObjectMetadata",
  apiVersion: metaVersion,
  metadata,
});

const partial: Representation = {
  isWhole: false,
  one: metadataOf,
  event: metadataOf,
  list: (objects, metadata) => ({
    kind: "PartialObjectMetadataList",
    apiVersion: metaVersion,
    metadata,
    items: objects.map(metadataOf),
  }),
  texts: (listed) => objectsOf(listed).map((object) => JSON.stringify(metadataOf(object))),
};
