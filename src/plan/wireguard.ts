/**
 * The least that makes a WireGuard link what it should be. A peer that stays is never removed and
 * made again, so that its session goes on.
 */
import { canonicalIp } from "../lib/ip.ts";
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import type {
  WireguardChange,
  WireguardConfig,
  WireguardPeer,
  WireguardPeerChange,
  WireguardState,
} from "../model/wireguard.ts";

/** Undefined where nothing is to do. Throws AddressError on what is no prefix. */
export function planWireguard(
  wanted: WireguardConfig,
  observed: WireguardState,
): WireguardChange | undefined {
  const { privateKey, listenPort, fwmark = 0 } = wanted;
  const peers = peerChanges(oneOfEach(wanted.peers), observed.peers);
  const change: WireguardChange = {
    ...(privateKey !== observed.privateKey && { privateKey }),
    ...(listenPort !== observed.listenPort && { listenPort }),
    ...(fwmark !== (observed.fwmark ?? 0) && { fwmark }),
    peers,
  };
  return peers.length === 0 && Object.keys(change).length === 1 ? undefined : change;
}

function peerChanges(
  wanted: readonly WireguardPeer[],
  observed: readonly WireguardPeer[],
): WireguardPeerChange[] {
  const holders = holdersOf(wanted);
  const existing = new Map(observed.map((peer) => [peer.publicKey, peer]));
  const stays = new Set(wanted.map(({ publicKey }) => publicKey));
  const changes: WireguardPeerChange[] = [];
  for (const peer of wanted) {
    const change = peerChange(peer, existing.get(peer.publicKey), holders);
    if (change) changes.push(change);
  }
  // Last: what a peer leaves to another is the other's by then, and no packet misses it.
  for (const { publicKey } of observed) {
    if (!stays.has(publicKey)) changes.push({ publicKey, remove: true });
  }
  return changes;
}

/** Of peers with one key, the first. */
function oneOfEach(peers: readonly WireguardPeer[]): WireguardPeer[] {
  const seen = new Set<string>();
  return peers.filter(({ publicKey }) => seen.size < seen.add(publicKey).size);
}

/** Prefix → the public key of who has it: the first that wants it. */
function holdersOf(peers: readonly WireguardPeer[]): Map<string, string> {
  const holders = new Map<string, string>();
  for (const { publicKey, allowedIps } of peers) {
    for (const prefix of allowedIps.map(canonicalPrefix)) {
      if (!holders.has(prefix)) holders.set(prefix, publicKey);
    }
  }
  return holders;
}

/** As the kernel tells it: without bits past its length. */
const canonicalPrefix = (text: string) => formatPrefix(networkOf(parsePrefix(text)));

const canonicalEnd = ({ address, port }: NonNullable<WireguardPeer["endpoint"]>) => ({
  address: canonicalIp(address),
  port,
});

function peerChange(
  peer: WireguardPeer,
  known: WireguardPeer | undefined,
  holders: ReadonlyMap<string, string>,
): WireguardPeerChange | undefined {
  const { publicKey, keepaliveS = 0 } = peer;
  const endpoint = peer.endpoint && canonicalEnd(peer.endpoint);
  const { address, port } = known?.endpoint ?? {};
  const isElsewhere = endpoint && (endpoint.address !== address || endpoint.port !== port);
  const change: WireguardPeerChange = {
    publicKey,
    ...(isElsewhere && { endpoint }),
    ...(keepaliveS !== (known?.keepaliveS ?? 0) && { keepaliveS }),
    ...allowedChange(peer, known, holders),
  };
  return known && Object.keys(change).length === 1 ? undefined : change;
}

/**
 * To add prefixes touches no others. To take one away all are given anew, for which the kernel
 * forgets them for a moment: so not for one that another peer takes over.
 */
function allowedChange(
  { publicKey, allowedIps }: WireguardPeer,
  known: WireguardPeer | undefined,
  holders: ReadonlyMap<string, string>,
): Pick<WireguardPeerChange, "allowedIps" | "replacesAllowedIps"> {
  const all = new Set(allowedIps.map(canonicalPrefix));
  const own = [...all].filter((prefix) => holders.get(prefix) === publicKey);
  const had = new Set(known?.allowedIps);
  if ([...had].some((prefix) => !holders.has(prefix))) {
    return { allowedIps: own, replacesAllowedIps: true };
  }
  const missing = own.filter((prefix) => !had.has(prefix));
  return missing.length > 0 ? { allowedIps: missing } : {};
}
