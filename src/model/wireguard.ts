/** What a WireGuard link should be, and what it is. */

/** Another host, as a WireGuard link knows it. */
export interface WireguardPeer {
  /** Base64 of 32 bytes, as all keys. */
  readonly publicKey: string;
  /** Where it is reached. Absent: it speaks first. */
  readonly endpoint?: { readonly address: string; readonly port: number };
  /** So often something is sent to it, in seconds. Absent: never without need. */
  readonly keepaliveS?: number;
  /** Prefixes behind it: packets to them go to it, and from it none but theirs are taken. */
  readonly allowedIps: readonly string[];
}

/** A link as it should be. */
export interface WireguardConfig {
  readonly privateKey: string;
  readonly listenPort: number;
  /** Of the packets that carry the tunnel's. Absent: none. */
  readonly fwmark?: number;
  /** Where two want one prefix, the first has it. */
  readonly peers: readonly WireguardPeer[];
}

/** What the kernel tells of a peer. */
export interface WireguardPeerState extends WireguardPeer {
  /** In milliseconds since 1970. Absent: never. */
  readonly lastHandshakeMs?: number;
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
}

/** A link as it is. */
export interface WireguardState {
  /** Absent while it has none. */
  readonly privateKey?: string;
  readonly publicKey?: string;
  readonly listenPort: number;
  readonly fwmark?: number;
  readonly peers: readonly WireguardPeerState[];
}

/** What is to become of one peer. What is absent stays as it is; an unknown peer is made. */
export interface WireguardPeerChange {
  readonly publicKey: string;
  readonly remove?: true;
  readonly endpoint?: WireguardPeer["endpoint"];
  /** 0: never. */
  readonly keepaliveS?: number;
  /** Those are given to it, by whoever had them. */
  readonly allowedIps?: readonly string[];
  /** And it loses all others. */
  readonly replacesAllowedIps?: true;
}

/** What is to become of a link. What is absent stays as it is. */
export interface WireguardChange {
  readonly privateKey?: string;
  readonly listenPort?: number;
  /** 0: none. */
  readonly fwmark?: number;
  /** In this order. */
  readonly peers: readonly WireguardPeerChange[];
}
