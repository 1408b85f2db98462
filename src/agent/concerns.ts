/** Which parts of the agent a change of the node spec concerns. Pure. */
import type { Endpoint, elsewhere } from "../api/elsewhere.ts";
import type { SpecChange } from "./spec/node-spec.ts";

/** `own`: what follows from this host's own ports, blocks and networks. */
export type Part = "own" | "routes" | "tunnel" | "bgp" | "silent" | "guard";

/** What this host itself is asked for. Overlays see for themselves. */
const ofOwn: readonly Part[] = ["own", "routes", "tunnel", "bgp"];

/** Of other hosts very much is told, and few look at it. */
const ofOthers: Readonly<Record<keyof typeof elsewhere, readonly Part[]>> = {
  hostpeers: ["routes", "tunnel", "silent", "guard"],
  endpoints: ["routes"],
  blockroutes: ["routes"],
  bgpneighbors: ["bgp"],
};

/**
 * `isRouted`: whether a network, by `namespace/name`, is known to be of type `routed`. Without any
 * change a server is heard again, which concerns all.
 */
export function concernedBy(
  changes: readonly SpecChange[],
  isRouted: (network: string) => boolean,
): ReadonlySet<Part> {
  if (changes.length === 0) return new Set([...ofOwn, ...ofOthers.hostpeers]);
  return new Set(changes.flatMap((change) => partsOf(change, isRouted)));
}

function partsOf(
  { key, object, previous }: SpecChange,
  isRouted: (network: string) => boolean,
): readonly Part[] {
  const plural = key.slice(0, key.indexOf("/"));
  if (!Object.hasOwn(ofOthers, plural)) return ofOwn;
  const networks = [object, previous].flatMap((told) => (told as Endpoint)?.spec.network ?? []);
  if (plural === "endpoints" && !networks.some(isRouted)) return [];
  return ofOthers[plural as keyof typeof ofOthers];
}
