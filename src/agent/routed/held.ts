/** The way before goes on until BGP has learnt another. Pure. */
import { type Entries, type Entry, keyOf } from "./entries.ts";
import type { RoutedView } from "./view.ts";

/** What BGP on the host knows. */
export interface Learnt {
  /** Whether a learnt route leads to all of the prefix. */
  learns(prefix: string): boolean;
  /** It will learn no more than it has. */
  readonly isSettled: boolean;
}

/**
 * What is desired, and with it ways that are there to prefixes which BGP has yet to learn. What BGP
 * leads to is not unreachable because another backend has no way yet.
 */
export function withHeld(
  desired: Entries,
  applied: Entries,
  { networks, learnt }: Pick<RoutedView, "networks"> & { readonly learnt: Learnt },
): Entries {
  const mistaken = [...desired].filter(
    ([, entry]) =>
      entry.kind === "route" && entry.type === "unreachable" && learnt.learns(entry.dst),
  );
  const waiting = learnt.isSettled ? [] : networks;
  const held = waiting
    .filter(({ spec }) => spec.backend === "bgp")
    .flatMap(({ elsewhere }) => [...elsewhere.values()].flat())
    .filter((prefix) => !learnt.learns(prefix))
    .flatMap((dst) => applied.get(`route ${dst}`) ?? [])
    .filter((entry) => entry.kind === "route" && entry.type === "unicast");
  if (held.length + mistaken.length === 0) return desired;
  const entries = new Map<string, Entry>(desired);
  for (const [key] of mistaken) entries.delete(key);
  const devices = new Set<string>();
  for (const entry of held) {
    entries.set(keyOf(entry), entry);
    if ("device" in entry && entry.device !== undefined) devices.add(entry.device);
  }
  for (const [key, entry] of applied) {
    const device = entry.kind === "device" ? entry.name : "device" in entry && entry.device;
    if (entry.kind !== "route" && device && devices.has(device)) entries.set(key, entry);
  }
  return entries;
}
