/** From what parts of the agent want of the tunnel to the peers that the link is to have. Pure. */
import type { HostPeerSpec } from "../../api/elsewhere.ts";
import type { UnderlayProtocol } from "../../model/encapsulation.ts";
import type { WireguardPeer } from "../../model/wireguard.ts";
import { tunnelAddressOf, tunnelPort } from "./tunnel-address.ts";

/** What one part of the agent wants. */
export interface Wanted {
  /** By host: prefixes behind it, beside its tunnel's address. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  /** By host: what the tunnel is to travel by; of others, by IPv4 first. */
  readonly protocols: ReadonlyMap<string, UnderlayProtocol>;
}

export type KnownPeer = Pick<HostPeerSpec, "underlay" | "publicKey">;

interface Known {
  readonly wants: readonly Wanted[];
  readonly underlay: HostPeerSpec["underlay"];
  readonly peers: ReadonlyMap<string, KnownPeer>;
}

export interface Peers {
  readonly peers: readonly WireguardPeer[];
  /** Of hosts that are wanted and can't be a peer: why. */
  readonly missing: ReadonlyMap<string, string>;
}

/** Also where nothing is sent: a handshake that was lost is tried again, and NATs stay open. */
const keepaliveS = 25;

const families: readonly UnderlayProtocol[] = ["ipv4", "ipv6"];
const words = { ipv4: "IPv4", ipv6: "IPv6" } as const;

const addressOf = (underlay: HostPeerSpec["underlay"], protocol: UnderlayProtocol) =>
  underlay.find(({ address }) => address.includes(":") === (protocol === "ipv6"))?.address;

export function peersOf({ wants, underlay, peers: known }: Known): Peers {
  const peers: WireguardPeer[] = [];
  const missing = new Map<string, string>();
  const hosts = new Set(wants.flatMap(({ needs }) => [...needs.keys()]));
  for (const host of [...hosts].sort()) {
    const asked = wants.filter(({ needs }) => needs.has(host));
    const peer = known.get(host);
    const protocols = asked.map((want) => want.protocols.get(host));
    const address = peer && endpointOf(protocols, underlay, { host, underlay: peer.underlay });
    if (!peer) missing.set(host, "nothing is known yet of how it is reached");
    else if (peer.publicKey === undefined) {
      missing.set(host, "its WireGuard key is not known yet: its agent tells it once it has one");
    } else if (typeof address !== "string") missing.set(host, address!.why);
    else {
      const own = `${tunnelAddressOf(host)}/128`;
      const prefixes = asked.flatMap(({ needs }) => needs.get(host)!);
      peers.push({
        publicKey: peer.publicKey,
        endpoint: { address, port: tunnelPort },
        keepaliveS,
        allowedIps: [...new Set([own, ...prefixes])],
      });
    }
  }
  return { peers, missing };
}

/** Where networks want different families, IPv4 if any takes it: all their packets fit then. */
function endpointOf(
  asked: readonly (UnderlayProtocol | undefined)[],
  underlay: HostPeerSpec["underlay"],
  peer: KnownPeer & { readonly host: string },
): string | { readonly why: string } {
  const wanted = families.filter((family) =>
    asked.some((each) => each === undefined || each === family),
  );
  for (const family of wanted) {
    const theirs = addressOf(peer.underlay, family);
    if (theirs !== undefined && addressOf(underlay, family) !== undefined) return theirs;
  }
  const [first] = wanted;
  const isOwn = addressOf(underlay, first!) === undefined;
  const who = isOwn ? "this host" : "it";
  return { why: `${who} has no ${words[first!]} address that others reach it by` };
}
