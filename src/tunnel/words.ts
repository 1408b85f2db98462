/** What the agent and the tunnel's process say to each other: a line of JSON each. */
import type { TunnelPeer } from "./router.ts";

/** The hidden command's first word. */
export const tunnelWord = "udp-tunnel";

/** Its second, as JSON. */
export interface TunnelSettings {
  /** The tun link, which must be there. */
  readonly link: string;
  /** Own ends: one of each family at most. Peers must know them as they are here. */
  readonly local: readonly { readonly address: string; readonly port: number }[];
}

/** From the agent. `peers` takes the place of all there were; each is answered by a line. */
export interface TunnelRequest {
  readonly peers?: readonly TunnelPeer[];
}

/** Packets since the process began. All but the first two are dropped ones. */
export interface TunnelCounters {
  sent: number;
  received: number;
  /** From the tun: behind no peer. */
  unroutable: number;
  /** From the tun: no way to the peer, too long for the way, or no room. */
  unsent: number;
  /** From the underlay: from no peer, or with a source that is not behind that peer. */
  forged: number;
  /** From the underlay: the tun does not take it: it is down, or this is no packet. */
  refused: number;
}

/** From the tunnel. The first says that it serves. */
export type TunnelAnswer = { readonly counters: TunnelCounters } | { readonly error: string };
