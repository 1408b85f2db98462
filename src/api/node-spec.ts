/**
 * What an agent must know to serve its host: the namespaces, the networks that the host may have,
 * their subnets and pools, and of ports and blocks those that are the host's own.
 *
 * It comes as Kubernetes' watch events, the objects of several kinds in one stream: first all that
 * there is as `ADDED`, then a `BOOKMARK` with the annotation below, then what changes. Before that
 * bookmark nothing may be deleted on the host.
 */
import type { ApiObject } from "./object.ts";

/** On the bookmark that ends the initial events, with the value `true`. Kubernetes' own name. */
export const initialEventsEnd = "k8s.io/initial-events-end";

export interface WatchEvent<O = ApiObject> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: O;
}

/** Below the API's root: `GET …?watch=true&resourceVersion=…`. */
export const nodeSpecPath = (host: string) =>
  `/apis/netloom.dev/v1alpha1/hosts/${encodeURIComponent(host)}/nodespec`;

/** Which object: `ports/team-a/web`, `hosts//blue`. */
export function objectKey(
  plural: string,
  { namespace = "", name }: { readonly namespace?: string; readonly name: string },
): string {
  return `${plural}/${namespace}/${name}`;
}
