/** Objects as people write them in files: what they are and where they go. */

import { apiVersionOf, type Kind } from "../../api/kind.ts";
import { findKind, kinds } from "../../api/kinds/index.ts";
import type { Api, Place } from "../connection/api.ts";
import { nearest } from "../suggest.ts";

/** An object of a file. What is in it is the server's to judge. */
export interface Manifest {
  readonly kind: Kind<any, any>;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: {
      readonly name?: string;
      readonly generateName?: string;
      readonly namespace?: string;
      readonly [field: string]: unknown;
    };
    readonly [field: string]: unknown;
  };
  /** For messages: `two-tier.yaml, document 2`. */
  readonly source: string;
}

/** What stands on what: created in this order, deleted in the opposite one. */
const order: readonly string[] = [
  "Namespace",
  "Tenant",
  "Network",
  "Subnet",
  "Host",
  "BGPConfiguration",
  "BGPPeer",
  "IPPool",
  "Port",
  "Token",
  "Grant",
];

const rank = ({ kind: { kind } }: Manifest) =>
  order.includes(kind) ? order.indexOf(kind) : order.length;

/** What others stand on comes first; equals stay in their order. */
export function inBuildOrder(manifests: readonly Manifest[]): Manifest[] {
  return [...manifests].sort((a, b) => rank(a) - rank(b));
}

/** The objects of a document: itself, or a list's items. Throws an Error that names the source. */
export function manifestsOf(document: unknown, source: string): Manifest[] {
  if (document === null || document === undefined) return [];
  if (typeof document !== "object" || Array.isArray(document)) {
    throw new Error(`${source} is no object: it needs apiVersion, kind and metadata`);
  }
  const object = document as Record<string, unknown>;
  const { apiVersion, kind: kindName, items, metadata } = object;
  if (typeof kindName !== "string" || typeof apiVersion !== "string") {
    const missing = typeof kindName === "string" ? "apiVersion" : "kind";
    throw new Error(`${source} has no "${missing}": write apiVersion: netloom.dev/v1alpha1`);
  }
  if (kindName.endsWith("List") && Array.isArray(items)) {
    return items.flatMap((item, at) => manifestsOf(item, `${source}, item ${at + 1}`));
  }
  const kind = findKind(apiVersion, kindName) ?? unknownKind(apiVersion, kindName, source);
  const isMap = typeof metadata === "object" && metadata !== null && !Array.isArray(metadata);
  const { name, generateName, namespace } = (isMap ? metadata : {}) as Record<string, unknown>;
  if (typeof name !== "string" && typeof generateName !== "string") {
    throw new Error(`${source}, a ${kindName}, has no metadata.name: give it one`);
  }
  if (namespace !== undefined && typeof namespace !== "string") {
    throw new Error(`${source}, a ${kindName}: metadata.namespace must be text`);
  }
  return [{ kind, object: object as Manifest["object"], source }];
}

function unknownKind(apiVersion: string, name: string, source: string): never {
  const sameName = kinds.find(({ kind }) => kind === name);
  const meant = nearest(
    name,
    kinds.map(({ kind }) => kind),
  );
  const remedy = sameName
    ? `its apiVersion is ${apiVersionOf(sameName)}`
    : meant !== undefined
      ? `do you mean ${meant}?`
      : `there are ${kinds.map(({ kind }) => kind).join(", ")}`;
  throw new Error(`${source} has the unknown kind "${name}" of "${apiVersion}": ${remedy}`);
}

/** Where the object goes: its own namespace, or the one that the person works in. */
export function placeOf({ kind, object }: Manifest, api: Pick<Api, "namespace">): Place {
  const { name, namespace } = object.metadata;
  return {
    kind,
    ...(kind.namespaced && { namespace: namespace ?? api.namespace }),
    ...(name !== undefined && { name }),
  };
}
