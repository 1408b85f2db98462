/** A port that hosts have attached goes once each of them has taken it away. Pure. */
import type { Kind } from "../../api/kind.ts";
import type { Port } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";

type PortStatus = NonNullable<Port["status"]>;

/** On ports with an active binding. The server's own: it follows from the bindings. */
export const attachedFinalizer = "netloom.dev/attached";

/** Hosts that a port is attached on. */
export const hostsWith = ({ status }: Port): string[] =>
  (status?.bindings ?? []).filter(({ active }) => active).map(({ host }) => host);

/** The object with the finalizer if it is an attached port, without it otherwise. */
export function withAttached(kind: Kind<any, any>, object: ApiObject): ApiObject {
  if (kind.kind !== "Port") return object;
  const { finalizers = [], ...metadata } = object.metadata;
  const isAttached = hostsWith(object as Port).length > 0;
  if (finalizers.includes(attachedFinalizer) === isAttached) return object;
  const others = finalizers.filter((each) => each !== attachedFinalizer);
  const next = isAttached ? [...others, attachedFinalizer] : others;
  return { ...object, metadata: { ...metadata, ...(next.length > 0 && { finalizers: next }) } };
}

/** The status of a port that is to go, with whom it waits for. */
export function detachingStatus(port: Port, now: string): PortStatus | undefined {
  const hosts = hostsWith(port).map((host) => `"${host}"`);
  if (hosts.length === 0) return port.status;
  const others = port.status?.conditions?.filter(({ type }) => type !== "Detached") ?? [];
  const message =
    `It is being deleted, and waits until host ${hosts.join(" and ")} has detached it. Of a host ` +
    "that is off for good: netloom host remove <host> --off";
  const waits = { type: "Detached", status: "False", reason: "WaitsForHost", message } as const;
  return { ...port.status, conditions: [...others, { ...waits, lastTransitionTime: now }] };
}
