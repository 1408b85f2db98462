/** What a change is about, in words by which watchers say what they want to hear of. Pure. */
import type { Host, IPBlock, Port } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";

/** Of who wants all. */
export const everything = ["*"] as const;

/** All objects of a resource: `netloom.dev/ports`. */
export const topicOfResource = (resource: string): string => resource;

/** Those that are a host's own: `netloom.dev/ports@host-1`. */
export const topicOfHost = (resource: string, host: string): string => `${resource}@${host}`;

interface Change {
  readonly resource: string;
  readonly object?: ApiObject;
  readonly previous?: ApiObject;
}

/** The topics of a change: its resource, and the hosts whose it was or is. */
export function topicsOf({ resource, object, previous }: Change): string[] {
  const hosts = new Set([...hostsOf(resource, object), ...hostsOf(resource, previous)]);
  return [topicOfResource(resource), ...[...hosts].map((host) => topicOfHost(resource, host))];
}

function hostsOf(resource: string, object: ApiObject | undefined): readonly string[] {
  if (!object) return [];
  return ofResources[resource]?.(object as never) ?? [];
}

const ofResources: Readonly<Record<string, (object: never) => string[]>> = {
  "netloom.dev/hosts": ({ metadata }: Host) => [metadata.name],
  "netloom.dev/ipblocks": ({ spec }: IPBlock) => [spec.host],
  "netloom.dev/ports": ({ spec, status }: Port) => [
    ...(spec.host === undefined ? [] : [spec.host]),
    ...(status?.bindings ?? []).map(({ host }) => host),
  ],
};
