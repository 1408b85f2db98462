/** What a segment must know of its ports on all hosts. Pure. */
import type { Endpoint, HostPeer } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { entryKey, type SegmentEntries, type SegmentEntry } from "../../engine/segment-entries.ts";
import { canonicalIp } from "../../lib/ip.ts";
import { segmentAddress } from "./segment-config.ts";

/** A port of this host. */
export interface OwnPort {
  /** `namespace/name`. */
  readonly name: string;
  readonly mac: string;
  /** Without prefix lengths. */
  readonly addresses: readonly string[];
  /** Of this host's binding; absent: not told yet, and so later than any. */
  readonly epoch?: number;
}

interface Known {
  readonly network: Network;
  /** Of the network, on other hosts. */
  readonly endpoints: readonly Endpoint[];
  /** By host. */
  readonly peers: ReadonlyMap<string, HostPeer>;
  readonly own: readonly OwnPort[];
}

const nameOf = ({ metadata }: Endpoint): string => `${metadata.namespace}/${metadata.name}`;

/**
 * Of a port that moved the higher epoch counts, wherever it was told of first. Hosts whose address
 * is not known have no entries; in tunnels each has one, by its name.
 */
export function segmentEntries({ network, endpoints, peers, own }: Known): SegmentEntries {
  const entries = new Map<string, SegmentEntry>();
  const put = (entry: SegmentEntry) => entries.set(entryKey(entry), entry);
  const epochs = new Map(own.map(({ name, epoch }) => [name, epoch ?? Number.POSITIVE_INFINITY]));
  const floods = network.spec.multicast !== false;
  for (const endpoint of endpoints) {
    const { host, mac, addresses, epoch } = endpoint.spec;
    const at = segmentAddress(network, host, peers.get(host)?.spec.underlay);
    if (at === undefined) continue;
    if (floods) put({ kind: "flood", host: at });
    const isElsewhere = (epochs.get(nameOf(endpoint)) ?? -1) < epoch;
    if (!isElsewhere || mac === undefined) continue;
    epochs.delete(nameOf(endpoint));
    put({ kind: "remote", mac, host: at });
    put({ kind: "behind", mac });
    for (const address of addresses) put({ kind: "neigh", address: canonicalIp(address), mac });
  }
  for (const { name, mac, addresses } of own) {
    if (!epochs.has(name)) continue;
    for (const address of addresses) put({ kind: "neigh", address: canonicalIp(address), mac });
  }
  return entries;
}
