/** Which peer a packet is for, and whether a peer may send it. Pure, no allocation per packet. */
import { parsePrefix } from "../lib/prefix.ts";
import { overheadOf } from "../model/encapsulation.ts";
import { PrefixTable } from "./prefix-table.ts";

/** Another host. */
export interface TunnelPeer {
  readonly endpoint: { readonly address: string; readonly port: number };
  /** What is behind it: where two have one, it is the first's. */
  readonly prefixes: readonly string[];
}

const headerBytes = { ipv4: 20, ipv6: 40 } as const;

export class Router {
  readonly #ipv4: PrefixTable;
  readonly #ipv6: PrefixTable;

  /** Peers are told by their place in the list. Throws AddressError. */
  constructor(peers: readonly TunnelPeer[]) {
    const entries = peers.flatMap(({ prefixes }, value) =>
      prefixes.map((text) => ({ prefix: parsePrefix(text), value })),
    );
    this.#ipv4 = new PrefixTable(entries.filter(({ prefix }) => prefix.family === 4));
    this.#ipv6 = new PrefixTable(entries.filter(({ prefix }) => prefix.family === 6));
  }

  /** Behind whom the packet's destination is; -1: behind nobody, or it is no IP packet. */
  peerTo(bytes: Uint8Array, at: number, length: number): number {
    return this.#find(bytes, at, length, true);
  }

  /** Behind whom its source is; -1 as before. */
  peerFrom(bytes: Uint8Array, at: number, length: number): number {
    return this.#find(bytes, at, length, false);
  }

  #find(bytes: Uint8Array, at: number, length: number, isTo: boolean): number {
    const version = length > 0 ? bytes[at]! >> 4 : 0;
    if (version === 4 && length >= headerBytes.ipv4) {
      return this.#ipv4.find(word(bytes, at + (isTo ? 16 : 12)), 0, 0, 0);
    }
    if (version !== 6 || length < headerBytes.ipv6) return -1;
    const from = at + (isTo ? 24 : 8);
    const a = word(bytes, from);
    const b = word(bytes, from + 4);
    return this.#ipv6.find(a, b, word(bytes, from + 8), word(bytes, from + 12));
  }
}

function word(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16);
  return high | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** The tunnel's MTU over an underlay of this MTU and family: nothing is added but IP and UDP. */
export const tunnelMtu = (underlayMtu: number, family: 4 | 6): number =>
  underlayMtu - overheadOf({ type: "routed", backend: "udp", underlayProtocol: `ipv${family}` });
