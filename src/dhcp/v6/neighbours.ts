/**
 * What neighbours tell by ICMPv6: whether somebody has an address, and which router there is.
 * Source: RFC 4861 section 4, RFC 4862 section 5.4.
 */
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { bytesToIp, ipToBytes } from "../../lib/ip.ts";
import { icmpFrame, type Received } from "./frame.ts";
import { ip6, nameList } from "./values.ts";

/** Source: RFC 4861 section 4. */
export const icmpTypes = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  solicitation: 135,
  advertisement: 136,
};
const unspecified = "::";
const allRouters = "ff02::2";

type Icmp = Extract<Received, { kind: "icmp" }>;

/** Asks routers to tell of themselves. From no address, since the link may not have one yet. */
export function routerSolicitation(mac: string): Uint8Array {
  const message = Uint8Array.of(icmpTypes.routerSolicitation, 0, 0, 0, 0, 0, 0, 0);
  return icmpFrame({ mac, from: unspecified, group: allRouters, message });
}

/** Asks who has the address, without having it. */
export function duplicateProbe(mac: string, address: string): Uint8Array {
  const out = new Writer(24);
  out.u32be(icmpTypes.solicitation * 2 ** 24);
  out.zeros(4);
  out.raw(ipToBytes(address));
  const message = out.bytes.slice();
  return icmpFrame({ mac, from: unspecified, group: solicitedNodeGroup(address), message });
}

/** The group in which an address is asked for: RFC 4291 section 2.7.1. */
export function solicitedNodeGroup(address: string): string {
  const group = ipToBytes("ff02::1:ff00:0");
  group.set(ipToBytes(address).subarray(13), 13);
  return bytesToIp(group);
}

/**
 * The address that another host says it has, or is about to take as we are; undefined where the
 * message says no such thing. `mac` is our own: what it sends comes back from some switches.
 */
export function claimedAddress({ message, from, mac }: Icmp, own: string): string | undefined {
  const isClaim =
    message[0] === icmpTypes.advertisement ||
    (message[0] === icmpTypes.solicitation && from === unspecified);
  if (!isClaim || mac === own || message[1] !== 0 || message.length < 24) return undefined;
  return bytesToIp(message.subarray(8, 24));
}

/** A network that a router says is on the link. */
export interface OnLinkPrefix {
  readonly address: string;
  readonly length: number;
}

/** A network that is reached through the router. */
export interface RouterRoute extends OnLinkPrefix {
  readonly preference: number;
}

/** A router, in its own words. JSON as it is. */
export interface RouterAdvertisement {
  /** Link-local. */
  readonly router: string;
  readonly isDefault: boolean;
  /** -1 low, 0 medium, 1 high: RFC 4191 section 2.1. */
  readonly preference: number;
  readonly onLink: readonly OnLinkPrefix[];
  readonly routes: readonly RouterRoute[];
  readonly mtu?: number;
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

const noLifetime = 0;
const onLinkFlag = 0x80;

/** Two bits as a number; 2 is reserved and means medium. */
const preferenceOf = (byte: number) => [0, 1, 0, -1][(byte >>> 3) & 3]!;

/** An advertisement as it grows with its options. */
type Draft = {
  -readonly [Field in keyof RouterAdvertisement]: RouterAdvertisement[Field];
};

/** What an option adds. Each gets what stands behind type and length. */
const optionReaders: Readonly<Record<number, (from: Reader, draft: Draft) => void>> = {
  3: (from, draft) => {
    const [length, flags, valid] = [from.u8(), from.u8(), from.u32be()];
    from.skip(8);
    const address = ip6.read(from);
    if (length > 128 || valid === noLifetime || (flags & onLinkFlag) === 0) return;
    draft.onLink = [...draft.onLink, { address, length }];
  },
  5: (from, draft) => {
    from.skip(2);
    const mtu = from.u32be();
    if (mtu >= minMtu && mtu <= 0xffff) draft.mtu = mtu;
  },
  // RFC 4191 section 2.3: the prefix has 0, 8 or 16 bytes.
  24: (from, draft) => {
    const [length, flags, lifetime] = [from.u8(), from.u8(), from.u32be()];
    const bytes = new Uint8Array(16);
    bytes.set(from.raw(Math.min(from.left, 16)));
    if (length > 128 || lifetime === noLifetime) return;
    const route = { address: bytesToIp(bytes), length, preference: preferenceOf(flags) };
    draft.routes = [...draft.routes, route];
  },
  // RFC 8106 section 5.1.
  25: (from, draft) => {
    from.skip(2);
    if (from.u32be() === noLifetime) return;
    while (from.left >= 16) draft.nameservers = [...draft.nameservers, ip6.read(from)];
  },
  // RFC 8106 section 5.2; zeros fill up to eight bytes, and are names without labels.
  31: (from, draft) => {
    from.skip(2);
    if (from.u32be() === noLifetime) return;
    draft.search = [...draft.search, ...nameList.read(from)];
  },
};

/** IPv6 asks no less of any link: RFC 8200 section 5. */
const minMtu = 1280;

/** What a router tells; undefined for other messages and for what RFC 4861 has hosts discard. */
export function readRouterAdvertisement({ message, from }: Icmp): RouterAdvertisement | undefined {
  const isAdvertisement = message[0] === icmpTypes.routerAdvertisement && message[1] === 0;
  if (!isAdvertisement || !from.startsWith("fe80:") || message.length < 16) return undefined;
  const lifetime = (message[6]! << 8) | message[7]!;
  const draft: Draft = {
    router: from,
    isDefault: lifetime !== noLifetime,
    preference: preferenceOf(message[5]!),
    onLink: [],
    routes: [],
    nameservers: [],
    search: [],
  };
  try {
    readNeighbourOptions(new Reader(message, 16), draft);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
  return draft;
}

function readNeighbourOptions(from: Reader, draft: Draft): void {
  while (from.left > 0) {
    const type = from.u8();
    const length = 8 * from.u8();
    if (length === 0) throw new DecodeError("an option of no length", from.at);
    const value = from.window(length - 2);
    optionReaders[type]?.(value, draft);
  }
}
