/**
 * Which groups, versions and kinds there are: Kubernetes' discovery documents, in their plain and
 * their aggregated form. Source: Kubernetes' documentation, "The Kubernetes API".
 */
import type { Kind } from "./kind.ts";
import { kinds } from "./kinds/index.ts";
import { type Review, reviews } from "./reviews.ts";

/** What can be done with objects of a kind, as `authorize` and discovery call it. */
export type Verb =
  | "create"
  | "delete"
  | "deletecollection"
  | "get"
  | "list"
  | "patch"
  | "update"
  | "watch";

const allVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];
const managedVerbs: readonly Verb[] = ["get", "list", "watch"];
const statusVerbs: readonly Verb[] = ["get", "patch", "update"];

export const verbsOf = ({ managed }: Pick<Kind, "managed">): readonly Verb[] =>
  managed ? managedVerbs : allVerbs;

/** Kinds whose status can be written. */
export const hasStatus = (kind: Kind<any, any>): boolean =>
  Object.keys(kind.status.fields).length > 0;

/** `Accept` and `Content-Type` of the aggregated form, by version. */
export const aggregatedType = (version: "v2" | "v2beta1") =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

type Versioned = { readonly group: string; readonly version: string };

/** `netloom.dev` → `v1alpha1`: each group has one version. The core group is not among them. */
const groups = new Map(
  ([...kinds, ...reviews] as readonly Versioned[])
    .filter(({ group }) => group !== "")
    .map(({ group, version }) => [group, version]),
);

const kindsOf = (group: string) => kinds.filter((kind) => kind.group === group);
const reviewsOf = (group: string) => reviews.filter((each) => each.group === group);
/** `kubectl get netloom` gets objects of all of these. */
const categories = (group: string) => (group === "netloom.dev" ? ["netloom"] : []);

/** `GET /api`. `address` is where clients reach the server: `10.0.0.1:7440`. */
export const apiVersions = (address: string) => ({
  kind: "APIVersions",
  versions: ["v1"],
  serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: address }],
});

/** `GET /apis`. */
export const apiGroupList = () => ({
  kind: "APIGroupList",
  apiVersion: "v1",
  groups: [...groups.keys()].map(groupOf),
});

/** `GET /apis/netloom.dev`; undefined: no such group. */
export function apiGroup(group: string): object | undefined {
  return groups.has(group) ? { kind: "APIGroup", apiVersion: "v1", ...groupOf(group) } : undefined;
}

function groupOf(group: string) {
  const version = groups.get(group)!;
  const preferredVersion = { groupVersion: `${group}/${version}`, version };
  return { name: group, versions: [preferredVersion], preferredVersion };
}

/** `GET /api/v1` (the core group is "") and `GET /apis/netloom.dev/v1alpha1`; undefined: none. */
export function apiResourceList(group: string, version: string): object | undefined {
  if (version !== (group === "" ? "v1" : groups.get(group))) return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: group === "" ? version : `${group}/${version}`,
    resources: [...kindsOf(group).flatMap(resourcesOf), ...reviewsOf(group).map(reviewResource)],
  };
}

function resourcesOf(kind: Kind<any, any>): object[] {
  const { plural, singular, shortNames, namespaced, group } = kind;
  const resource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    shortNames,
    ...(categories(group).length > 0 && { categories: categories(group) }),
  };
  const status = { singularName: "", namespaced, kind: kind.kind, verbs: statusVerbs };
  return hasStatus(kind) ? [resource, { name: `${plural}/status`, ...status }] : [resource];
}

const reviewResource = ({ plural, singular, kind }: Review) => ({
  name: plural,
  singularName: singular,
  namespaced: false,
  kind,
  verbs: ["create"],
});

/** `GET /api` (`core`) and `GET /apis` (`groups`) with `Accept` of the aggregated form. */
export function aggregatedDiscovery(of: "core" | "groups", version: "v2" | "v2beta1"): object {
  const items = of === "core" ? [["", "v1"] as const] : [...groups];
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: items.map(([group, groupVersion]) => ({
      metadata: { name: group, creationTimestamp: null },
      versions: [
        {
          version: groupVersion,
          resources: [
            ...kindsOf(group).map(discoveryOf),
            ...reviewsOf(group).map((each) => ({
              resource: each.plural,
              responseKind: responseKind(each),
              scope: "Cluster",
              singularResource: each.singular,
              verbs: ["create"],
            })),
          ],
          freshness: "Current",
        },
      ],
    })),
  };
}

const responseKind = ({ group, version, kind }: Versioned & { readonly kind: string }) => ({
  group,
  version,
  kind,
});

function discoveryOf(kind: Kind<any, any>): object {
  const status = { subresource: "status", responseKind: responseKind(kind), verbs: statusVerbs };
  return {
    resource: kind.plural,
    responseKind: responseKind(kind),
    scope: kind.namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    shortNames: kind.shortNames,
    ...(categories(kind.group).length > 0 && { categories: categories(kind.group) }),
    ...(hasStatus(kind) && { subresources: [status] }),
  };
}
