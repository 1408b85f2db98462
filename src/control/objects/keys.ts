/** Under which keys of the store objects stand, and what stands beside them. */
import type { Kind } from "../../api/kind.ts";

/** All objects. */
export const objectsPrefix = "/registry/";

/** Which object of its kind. */
export interface Place {
  /** Absent for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly name: string;
}

type Resource = Pick<Kind, "group" | "plural">;

const resourcePath = ({ group, plural }: Resource) => `${group === "" ? "core" : group}/${plural}`;

/** Before the keys of a kind, or of its objects in one namespace. */
export const prefixOf = (kind: Resource, namespace?: string): string =>
  `${objectsPrefix}${resourcePath(kind)}/${namespace === undefined ? "" : `${namespace}/`}`;

/** The key of an object: `/registry/netloom.dev/networks/team-a/blue`. */
export const keyOf = (kind: Resource, { namespace, name }: Place): string =>
  `${prefixOf(kind, namespace)}${name}`;

/** The resource that a key is of: `netloom.dev/networks`. */
export function resourceOfKey(key: string): string {
  const [group, plural] = key.slice(objectsPrefix.length).split("/");
  return `${group}/${plural}`;
}

export const resourceOf = resourcePath;

const pathOf = (key: string) => key.slice(objectsPrefix.length);

/** Before the keys that tell who refers to an object. */
export const referrersPrefix = (target: string): string => `/referrers/${pathOf(target)}//`;

/** There while an object refers to another. Its value is the reference's note. */
export const referrerKey = (target: string, referrer: string): string =>
  `${referrersPrefix(target)}${pathOf(referrer)}`;

/** The key of the object that refers. */
export const keyOfReferrer = (key: string): string =>
  `${objectsPrefix}${key.slice(key.indexOf("//") + 2)}`;

/** There while an object is about to go, so that nobody begins to refer to it. */
export const lockKey = (target: string): string => `/going/${pathOf(target)}`;

/** How much of what quotas count is in a namespace. */
export const countsKey = (namespace: string): string => `/counts/${namespace}`;

/** Changed by each commit that must not be made beside another of its sort. */
export const turnKey = (of: string): string => `/turns/${of}`;
