/** What the kernel must know for packets to come from host to host, by key. Pure. */
import type { VxlanDevice } from "./vxlan-device.ts";

/** Where packets for a prefix go. */
export type RouteEntry = { readonly kind: "route"; readonly dst: string } & (
  | { readonly type: "unicast"; readonly gateway: string; readonly device?: string }
  /** `blackhole` drops in silence, `unreachable` tells the sender. */
  | { readonly type: "blackhole" | "unreachable" }
);

export type Entry =
  | VxlanDevice
  | RouteEntry
  /** Of the VXLAN device: the hardware address of a next hop, and the host that it is at. */
  | {
      readonly kind: "neigh";
      readonly device: string;
      readonly address: string;
      readonly mac: string;
    }
  | { readonly kind: "fdb"; readonly device: string; readonly mac: string; readonly dst: string };

export type Entries = ReadonlyMap<string, Entry>;

/** Two entries of one key are the same thing, perhaps in different states. */
export function keyOf(entry: Entry): string {
  switch (entry.kind) {
    case "device":
      return `device ${entry.name}`;
    case "route":
      return `route ${entry.dst}`;
    case "neigh":
      return `neigh ${entry.device} ${entry.address}`;
    case "fdb":
      return `fdb ${entry.device} ${entry.mac}`;
  }
}

export const keyed = (entries: Iterable<Entry>): Map<string, Entry> =>
  new Map([...entries].map((entry) => [keyOf(entry), entry]));

/** What an entry stands on comes before it. */
const order = { device: 0, fdb: 1, neigh: 2, route: 3 } as const;

export interface Difference {
  /** New, or other than they are. With what is there under the same key. */
  readonly set: readonly { readonly entry: Entry; readonly before?: Entry }[];
  readonly gone: readonly Entry[];
}

/**
 * From what is to what is to be. All that is to be is set before anything goes: a route whose way
 * changes is replaced in its place, while both ways are there.
 */
export function difference(applied: Entries, desired: Entries): Difference {
  const set: { entry: Entry; before?: Entry }[] = [];
  for (const [key, entry] of desired) {
    const before = applied.get(key);
    if (before && isSame(before, entry)) continue;
    set.push({ entry, ...(before && { before }) });
  }
  const gone: Entry[] = [];
  for (const [key, entry] of applied) if (!desired.has(key)) gone.push(entry);
  set.sort((a, b) => order[a.entry.kind] - order[b.entry.kind]);
  gone.sort((a, b) => order[b.kind] - order[a.kind]);
  return { set, gone };
}

function isSame(a: Entry, b: Entry): boolean {
  const [one, other] = [a, b] as unknown as Record<string, unknown>[];
  const fields = Object.keys(one!);
  return (
    fields.length === Object.keys(other!).length &&
    fields.every((field) => one![field] === other![field])
  );
}
