/**
 * What a segment's bridge and VXLAN link know of addresses on all hosts: entries that stay until
 * they are taken away, since nobody learns.
 */
import { appendFdbEntry, listFdb, removeFdbEntry, replaceFdbEntry } from "../kernel/netlink/fdb.ts";
import type { Request } from "../kernel/netlink/message.ts";
import { listNeighs, removeNeigh, replaceNeigh } from "../kernel/netlink/neigh.ts";
import { netloomProtocol } from "../kernel/netlink/rtm.ts";
import type { NetlinkSocket } from "../kernel/netlink/socket.ts";

export type SegmentEntry =
  /** Frames to this address leave by the VXLAN link, to that host. */
  | { readonly kind: "remote"; readonly mac: string; readonly host: string }
  /** In the bridge: the address is behind the VXLAN link. */
  | { readonly kind: "behind"; readonly mac: string }
  /** The same, whoever on this host shows the address: it moved, and one that it was at is left. */
  | { readonly kind: "moved"; readonly mac: string }
  /** Broadcasts and multicasts go to this host too. */
  | { readonly kind: "flood"; readonly host: string }
  /** Who asks for the address is answered. */
  | { readonly kind: "neigh"; readonly address: string; readonly mac: string };

/** ifindex of the bridge and of the VXLAN link. */
export interface SegmentLinks {
  readonly bridge: number;
  readonly vxlan: number;
}

type Of<K extends SegmentEntry["kind"]> = Extract<SegmentEntry, { readonly kind: K }>;
interface Row<E> {
  readonly key: (entry: E) => string;
  readonly put: (entry: E, links: SegmentLinks) => Request;
  readonly remove: (entry: E, links: SegmentLinks) => Request;
}

const anyMac = "00:00:00:00:00:00";
const flood = (host: string, { vxlan: index }: SegmentLinks) =>
  ({ index, mac: anyMac, table: "self", dst: host }) as const;
const moved = (mac: string, { vxlan: index }: SegmentLinks) =>
  ({ index, mac, table: "master", state: "noarp", sticky: true }) as const;
const behind = (mac: string, { vxlan: index }: SegmentLinks) =>
  // Learned elsewhere: it moves at once with the first frame of a container that came here.
  ({ index, mac, table: "master", state: "reachable", externLearned: true }) as const;

const rows: { readonly [K in SegmentEntry["kind"]]: Row<Of<K>> } = {
  remote: {
    key: ({ mac }) => mac,
    put: ({ mac, host }, { vxlan: index }) =>
      replaceFdbEntry({ index, mac, table: "self", dst: host }),
    remove: ({ mac, host }, { vxlan: index }) =>
      removeFdbEntry({ index, mac, table: "self", dst: host }),
  },
  behind: {
    key: ({ mac }) => mac,
    put: ({ mac }, links) => replaceFdbEntry(behind(mac, links)),
    remove: ({ mac }, links) => removeFdbEntry(behind(mac, links)),
  },
  moved: {
    key: ({ mac }) => mac,
    put: ({ mac }, links) => replaceFdbEntry(moved(mac, links)),
    remove: ({ mac }, links) => removeFdbEntry(moved(mac, links)),
  },
  flood: {
    key: ({ host }) => host,
    put: ({ host }, links) => ({ ...appendFdbEntry(flood(host, links)), tolerate: ["EEXIST"] }),
    remove: ({ host }, links) => removeFdbEntry(flood(host, links)),
  },
  neigh: {
    key: ({ address }) => address,
    put: ({ address: dst, mac }, { bridge: index }) => replaceNeigh({ index, dst, mac }),
    remove: ({ address: dst }, { bridge: index }) => removeNeigh({ index, dst }),
  },
};

/** Two entries with one key can't both be there. */
export const entryKey = (entry: SegmentEntry): string =>
  `${entry.kind} ${rows[entry.kind].key(entry as never)}`;

const isSame = (a: SegmentEntry, b: SegmentEntry): boolean =>
  a === b ||
  Object.entries(a).every(([field, value]) => (b as Record<string, unknown>)[field] === value);

/** Entries by key. */
export type SegmentEntries = ReadonlyMap<string, SegmentEntry>;

/**
 * The requests that lead from one to the other; what goes, first. `changed`: the only keys under
 * which they differ; absent: any.
 */
export function entryRequests(
  from: SegmentEntries,
  to: SegmentEntries,
  { links, changed }: { readonly links: SegmentLinks; readonly changed?: ReadonlySet<string> },
): Request[] {
  const requests: Request[] = [];
  for (const key of changed ?? from.keys()) {
    const entry = from.get(key);
    if (entry && !to.has(key)) requests.push(rows[entry.kind].remove(entry as never, links));
  }
  for (const key of changed ?? to.keys()) {
    const [had, entry] = [from.get(key), to.get(key)];
    if (!entry || (had && isSame(had, entry))) continue;
    requests.push(rows[entry.kind].put(entry as never, links));
  }
  return requests;
}

/** The entries that there are, in the namespace of the socket. */
export function listEntries(socket: NetlinkSocket, links: SegmentLinks): SegmentEntries {
  const entries: SegmentEntry[] = [];
  for (const entry of listFdb(socket, { index: links.vxlan })) {
    const { mac, self, dst, externLearned, sticky } = entry;
    if (entry.index !== links.vxlan) continue;
    if (self && dst !== undefined) {
      entries.push(
        mac === anyMac ? { kind: "flood", host: dst } : { kind: "remote", mac, host: dst },
      );
    } else if (!self && sticky) entries.push({ kind: "moved", mac });
    else if (!self && externLearned) entries.push({ kind: "behind", mac });
  }
  for (const { dst, mac, state, protocol } of listNeighs(socket, { index: links.bridge })) {
    if (protocol !== netloomProtocol || state !== "permanent" || mac === undefined) continue;
    entries.push({ kind: "neigh", address: dst, mac });
  }
  return new Map(entries.map((entry) => [entryKey(entry), entry]));
}
