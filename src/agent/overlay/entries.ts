/** What a segment must know of its ports on all hosts. Pure. */
import type { Endpoint, HostPeer } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { entryKey, type SegmentEntry } from "../../engine/segment-entries.ts";
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

export interface Known {
  readonly network: Network;
  /** Of the network, on other hosts. */
  readonly endpoints: readonly Endpoint[];
  /** By host. */
  readonly peers: ReadonlyMap<string, HostPeer>;
  readonly own: readonly OwnPort[];
}

export type Keyed = readonly [key: string, entry: SegmentEntry];

const withKey = (entry: SegmentEntry): Keyed => [entryKey(entry), entry];

/** Of an endpoint at an address: each change asks for those of all, and few are news. */
interface Told {
  readonly at: string;
  readonly flood: Keyed;
  readonly port: readonly Keyed[];
}
const told = new WeakMap<Endpoint["spec"], Told>();

export function toldOf(endpoint: Endpoint["spec"], at: string): Told {
  const before = told.get(endpoint);
  if (before?.at === at) return before;
  const { mac, addresses } = endpoint;
  const port: SegmentEntry[] =
    mac === undefined
      ? []
      : [
          { kind: "remote", mac, host: at },
          { kind: "behind", mac },
          ...addresses.map(
            (address): SegmentEntry => ({
              ...{ kind: "neigh", address: canonicalIp(address), mac },
            }),
          ),
        ];
  const now = { at, flood: withKey({ kind: "flood", host: at }), port: port.map(withKey) };
  told.set(endpoint, now);
  return now;
}

export const nameOf = ({ metadata }: Endpoint): string => `${metadata.namespace}/${metadata.name}`;

/** By host: where its packets of the network come from. */
export function addresses({ network, peers }: Pick<Known, "network" | "peers">) {
  const found = new Map<string, string | undefined>();
  return (host: string): string | undefined => {
    if (!found.has(host)) {
      found.set(host, segmentAddress(network, host, peers.get(host)?.spec.underlay));
    }
    return found.get(host);
  };
}

/**
 * Of a port that moved the higher epoch counts, wherever it was told of first. Hosts whose address
 * is not known have no entries; in tunnels each has one, by its name.
 */
export function segmentEntries({ network, endpoints, peers, own }: Known) {
  const entries = new Map<string, SegmentEntry>();
  const put = ([key, entry]: Keyed) => entries.set(key, entry);
  const epochs = new Map(own.map(({ name, epoch }) => [name, epoch ?? Number.POSITIVE_INFINITY]));
  const floods = network.spec.multicast !== false;
  const addressOf = addresses({ network, peers });
  for (const endpoint of endpoints) {
    const { host, mac, epoch } = endpoint.spec;
    const at = addressOf(host);
    if (at === undefined) continue;
    const { flood, port } = toldOf(endpoint.spec, at);
    if (floods) put(flood);
    const isElsewhere = (epochs.get(nameOf(endpoint)) ?? -1) < epoch;
    if (!isElsewhere || mac === undefined) continue;
    // Who is left of it here goes on to show its hardware address, and must not take it back.
    const isLeft = epochs.delete(nameOf(endpoint));
    for (const each of port) {
      put(isLeft && each[1].kind === "behind" ? withKey({ kind: "moved", mac }) : each);
    }
  }
  for (const { name, mac, addresses } of own) {
    if (!epochs.has(name)) continue;
    for (const address of addresses) {
      put(withKey({ kind: "neigh", address: canonicalIp(address), mac }));
    }
  }
  return entries;
}
