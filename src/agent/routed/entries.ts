/** What the kernel must know for packets to come from host to host, by key. Pure. */
import type { TunDevice } from "./tun-device.ts";
import type { VxlanDevice } from "./vxlan-device.ts";

/** Links of the host's own namespace that packets are wrapped by. */
export type Device = VxlanDevice | TunDevice;

interface Unicast {
  readonly type: "unicast";
  readonly isFallback?: undefined;
}

/** Where packets for a prefix go. */
export type RouteEntry = { readonly kind: "route"; readonly dst: string } & (
  | (Unicast & { readonly gateway: string; readonly device?: string })
  /** All behind the device is reached by it alone. Another part may have made it. */
  | (Unicast & { readonly gateway?: undefined; readonly device: string })
  /** `blackhole` drops in silence, `unreachable` tells the sender. */
  | {
      readonly type: "blackhole" | "unreachable";
      readonly gateway?: undefined;
      readonly device?: undefined;
      /** Behind all others: what they leave when they go. */
      readonly isFallback?: true;
    }
);

/** What those behind a device must know: a tun's process, the host's WireGuard link. */
export type TunnelEntry =
  /** The host's own end. */
  | { readonly kind: "tunnel"; readonly device: string; readonly local: string }
  /** Behind which host a prefix is: its end of a tun, its name for WireGuard. */
  | {
      readonly kind: "peer";
      readonly device: string;
      readonly dst: string;
      readonly endpoint: string;
    };

export type KernelEntry =
  | Device
  | RouteEntry
  /** Of the VXLAN device: the hardware address of a next hop, and the host that it is at. */
  | {
      readonly kind: "neigh";
      readonly device: string;
      readonly address: string;
      readonly mac: string;
    }
  | { readonly kind: "fdb"; readonly device: string; readonly mac: string; readonly dst: string };

export type Entry = KernelEntry | TunnelEntry;
/** By key. */
export type Entries<Of extends Entry = Entry> = ReadonlyMap<string, Of>;

/** Two entries of one key are the same thing, perhaps in different states. */
export function keyOf(entry: Entry): string {
  switch (entry.kind) {
    case "device":
      return `device ${entry.name}`;
    case "route":
      return `route ${entry.dst}${entry.isFallback ? " fallback" : ""}`;
    case "neigh":
      return `neigh ${entry.device} ${entry.address}`;
    case "fdb":
      return `fdb ${entry.device} ${entry.mac}`;
    case "tunnel":
      return `tunnel ${entry.device}`;
    case "peer":
      return `peer ${entry.device} ${entry.dst}`;
  }
}

export function keyed<Of extends Entry>(entries: Iterable<Of>): Map<string, Of> {
  const found = new Map<string, Of>();
  for (const entry of entries) found.set(keyOf(entry), entry);
  return found;
}

/** What an entry stands on comes before it. */
const order = { device: 0, tunnel: 1, peer: 1, fdb: 1, neigh: 2, route: 3 } as const;

export interface Difference<Of extends Entry = Entry> {
  /** New, or other than they are. With what is there under the same key. */
  readonly set: readonly { readonly entry: Of; readonly before?: Of }[];
  readonly gone: readonly Of[];
}

/**
 * From what is to what is to be. All that is to be is set before anything goes: a route whose way
 * changes is replaced in its place, while both ways are there.
 */
export function difference<Of extends Entry>(
  applied: Entries<Of>,
  desired: Entries<Of>,
): Difference<Of> {
  const set: { entry: Of; before?: Of }[] = [];
  for (const [key, entry] of desired) {
    const before = applied.get(key);
    if (before && isSame(before, entry)) continue;
    set.push({ entry, ...(before && { before }) });
  }
  const gone: Of[] = [];
  for (const [key, entry] of applied) if (!desired.has(key)) gone.push(entry);
  set.sort((a, b) => order[a.entry.kind] - order[b.entry.kind]);
  gone.sort((a, b) => order[b.kind] - order[a.kind]);
  return { set, gone };
}

/** What is in the kernel's routes and links, and what those behind devices are told. */
export function apart(entries: Entries) {
  const kernel = new Map<string, KernelEntry>();
  const tunnels = new Map<string, TunnelEntry>();
  for (const [key, entry] of entries) {
    if (entry.kind === "tunnel" || entry.kind === "peer") tunnels.set(key, entry);
    else kernel.set(key, entry);
  }
  return { kernel, tunnels };
}

function isSame(a: Entry, b: Entry): boolean {
  const [one, other] = [a, b] as unknown as Record<string, unknown>[];
  const fields = Object.keys(one!);
  return (
    fields.length === Object.keys(other!).length &&
    fields.every((field) => one![field] === other![field])
  );
}
