/**
 * WireGuard links: the link kind, and what is told of and to such a link by generic netlink.
 * Source: include/uapi/linux/wireguard.h.
 */
import { DecodeError } from "../../lib/bytes.ts";
import { formatIp } from "../../lib/ip.ts";
import { ipOf, parsePrefix } from "../../lib/prefix.ts";
import type {
  WireguardChange,
  WireguardPeerChange,
  WireguardPeerState,
  WireguardState,
} from "../../model/wireguard.ts";
import { readSocketAddress, socketAddress, type UdpEnd } from "../sys/socket-address.ts";
import {
  type Attrs,
  attrs,
  type Codec,
  ip,
  listOf,
  string,
  struct,
  u8,
  u16,
  u32,
  u64,
  type Value,
} from "./codec.ts";
import { genericHeader } from "./generic.ts";
import { decode, layout, type Message, type Request, request } from "./message.ts";
import { familyOf } from "./rtm.ts";

/** The link kind `wireguard` has no settings of its own. */
export const wireguardData = attrs({});

export const wireguardFamily = "wireguard";
const command = { getDevice: 0, setDevice: 1 } as const;
const version = 1;
const peerFlag = { remove: 1, replaceAllowedIps: 2 } as const;
const keyBytes = 32;

/** 32 bytes as base64. Throws RangeError. */
export const wireguardKey: Codec<string> = {
  write: (out, text) => {
    const bytes = Buffer.from(text, "base64");
    if (bytes.length !== keyBytes || bytes.toString("base64") !== text) {
      throw new RangeError("a WireGuard key must be base64 of 32 bytes, as wg genkey makes it");
    }
    out.raw(bytes);
  },
  read: (from) => {
    if (from.left !== keyBytes) {
      throw new DecodeError(`a key has ${keyBytes} bytes, not ${from.left}`, from.at);
    }
    return Buffer.from(from.raw(keyBytes)).toString("base64");
  },
};

export const udpEnd: Codec<UdpEnd> = {
  write: (out, value) => out.raw(socketAddress(value)),
  read: (from) => {
    const { at } = from;
    const value = readSocketAddress(from.raw(from.left));
    if (!value) throw new DecodeError("an endpoint is neither IPv4 nor IPv6", at);
    return value;
  },
};

export const allowedIp = attrs({
  family: [1, u16],
  address: [2, ip],
  prefixLength: [3, u8],
});

export const wireguardPeer = attrs({
  publicKey: [1, wireguardKey],
  flags: [3, u32],
  endpoint: [4, udpEnd],
  keepaliveS: [5, u16],
  lastHandshake: [6, struct({ seconds: u64, nanoseconds: u64 })],
  rxBytes: [7, u64],
  txBytes: [8, u64],
  allowedIps: [9, listOf(0, allowedIp)],
});

export const wireguardLayout = layout(genericHeader, {
  index: [1, u32],
  name: [2, string],
  privateKey: [3, wireguardKey],
  publicKey: [4, wireguardKey],
  flags: [5, u32],
  listenPort: [6, u16],
  fwmark: [7, u32],
  peers: [8, listOf(0, wireguardPeer)],
});

/** Of a link's name. A dump. `family` is what `familyId` gave. */
export function getWireguard(family: number, name: string): Request {
  return request({ op: `read WireGuard link "${name}"`, type: family, flags: 0 }, wireguardLayout, {
    header: { command: command.getDevice, version },
    attrs: { name },
  });
}

/** Attributes of one list may take 64 KiB together; this is well below. */
const mostBytes = 32 * 1024;
const bytesOf = { peer: 128, allowedIp: 40 } as const;
const mostAllowedIps = 512;

/** In order; as many as it takes, for a message holds some hundreds of prefixes. */
export function setWireguard(family: number, name: string, change: WireguardChange): Request[] {
  const { peers, ...own } = change;
  const groups = messagesOf(peers.flatMap(piecesOf));
  return groups.map((group, at) =>
    request({ op: `configure WireGuard link "${name}"`, type: family, flags: 0 }, wireguardLayout, {
      header: { command: command.setDevice, version },
      attrs: { name, ...(at === 0 && own), ...(group.length > 0 && { peers: group }) },
    }),
  );
}

type PeerAttrs = Value<typeof wireguardPeer>;

/** One peer's change as peers of one message each: what goes beyond comes as additions. */
function piecesOf({
  publicKey,
  remove,
  endpoint,
  keepaliveS,
  allowedIps,
  replacesAllowedIps,
}: WireguardPeerChange): PeerAttrs[] {
  const prefixes = allowedIps?.map(allowedIpAttrs);
  const flags =
    (remove ? peerFlag.remove : 0) | (replacesAllowedIps ? peerFlag.replaceAllowedIps : 0);
  const first = { publicKey, flags: flags || undefined, endpoint, keepaliveS };
  const pieces: PeerAttrs[] = [{ ...first, allowedIps: prefixes?.slice(0, mostAllowedIps) }];
  for (let at = mostAllowedIps; at < (prefixes?.length ?? 0); at += mostAllowedIps) {
    pieces.push({ publicKey, allowedIps: prefixes!.slice(at, at + mostAllowedIps) });
  }
  return pieces;
}

/** What fits one message together. At least one, for the link's own settings. */
function messagesOf(pieces: readonly PeerAttrs[]): PeerAttrs[][] {
  let group: PeerAttrs[] = [];
  const groups = [group];
  let bytes = 0;
  for (const piece of pieces) {
    const more = bytesOf.peer + bytesOf.allowedIp * (piece.allowedIps?.length ?? 0);
    if (group.length > 0 && bytes + more > mostBytes) {
      group = [];
      groups.push(group);
      bytes = 0;
    }
    group.push(piece);
    bytes += more;
  }
  return groups;
}

function allowedIpAttrs(text: string): Value<typeof allowedIp> {
  const prefix = parsePrefix(text);
  const address = formatIp(ipOf(prefix));
  return { family: familyOf(address), address, prefixLength: prefix.length };
}

/** Of all messages of a dump: peers and prefixes go on in the next. Throws DecodeError. */
export function readWireguard(messages: readonly Message[]): WireguardState {
  let own: Attrs<typeof wireguardLayout.attrs.table> = {};
  const peers: PeerAttrs[] = [];
  for (const message of messages) {
    const { attrs } = decode(message, wireguardLayout);
    own = { ...attrs, ...own };
    for (const peer of attrs.peers ?? []) {
      const last = peers.at(-1);
      if (last === undefined || last.publicKey !== peer.publicKey) peers.push(peer);
      else last.allowedIps = [...(last.allowedIps ?? []), ...(peer.allowedIps ?? [])];
    }
  }
  return {
    privateKey: own.privateKey,
    publicKey: own.publicKey,
    listenPort: own.listenPort ?? 0,
    fwmark: own.fwmark || undefined,
    peers: peers.map(peerState),
  };
}

function peerState(peer: PeerAttrs): WireguardPeerState {
  const { seconds = 0n, nanoseconds = 0n } = peer.lastHandshake ?? {};
  return {
    publicKey: peer.publicKey ?? "",
    endpoint: peer.endpoint,
    keepaliveS: peer.keepaliveS || undefined,
    lastHandshakeMs: seconds > 0n ? Number(seconds) * 1000 + Number(nanoseconds) / 1e6 : undefined,
    rxBytes: peer.rxBytes ?? 0n,
    txBytes: peer.txBytes ?? 0n,
    allowedIps: (peer.allowedIps ?? []).map(prefixText),
  };
}

function prefixText({ address = "", prefixLength = 0 }: Value<typeof allowedIp>): string {
  return `${address}/${prefixLength}`;
}
