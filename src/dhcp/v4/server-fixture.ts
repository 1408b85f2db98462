/** For tests: a server's side of DHCPv4, and frames as a link gives them. */
import { Writer } from "../../lib/bytes.ts";
import { ipToBytes } from "../../lib/ip.ts";
import { macToBytes } from "../formats.ts";
import type { ClientOrder } from "../protocol.ts";
import { readDhcpFrame } from "./frame.ts";
import { type DhcpMessage, decodeMessage, encodeMessage } from "./message.ts";
import { type MessageType, type OptionName, type OptionValue, optionBytes } from "./options.ts";
import type { V4Outgoing, V4Wishes } from "./state.ts";

export const clientMac = "02:00:00:00:00:01";

/** An order of a container, with what the test says otherwise. */
export function orderOf(
  wishes: Partial<V4Wishes> = {},
  more: Partial<ClientOrder<V4Wishes>> = {},
): ClientOrder<V4Wishes> {
  return {
    clientId: "0061",
    link: { netns: "/run/netns/x", name: "eth0", index: 2, mac: clientMac },
    wishes: { request: [1, 3, 6], provide: [], conflictDetection: "off", ...wishes },
    ...more,
  };
}

/** What a server says, by option name. */
export type Said = { readonly [Name in OptionName]?: OptionValue<Name> };

export function optionsOf(said: Said): Map<number, Uint8Array> {
  const names = Object.keys(said) as OptionName[];
  return new Map(names.map((name) => optionBytes(name, said[name]!)));
}

/** The message in what a client sends. Throws where there is none. */
export function messageIn(outgoing: V4Outgoing | undefined): DhcpMessage {
  if (outgoing?.kind === "datagram") return decodeMessage(outgoing.payload);
  if (outgoing?.kind !== "frame") throw new Error("the client sent no message");
  // Read as a client's, which a broadcast of one is but for its ports.
  const frame = outgoing.frame.slice();
  frame.set([0, 67, 0, 68, frame[38]!, frame[39]!, 0, 0], 34);
  return decodeMessage(readDhcpFrame(frame)!.payload);
}

export const usualAnswer: Said = {
  serverId: "10.0.0.1",
  subnetMask: "255.255.255.0",
  routers: ["10.0.0.1"],
  leaseSeconds: 600,
};

/** A server's answer to a message, as a frame. */
export function answerTo(
  question: DhcpMessage,
  type: MessageType,
  { yiaddr = "10.0.0.50", said = usualAnswer, ...rest }: Partial<Answer> = {},
): Uint8Array {
  return serverFrame(
    encodeMessage({
      ...question,
      op: "reply",
      type,
      yiaddr: type === "NAK" ? "0.0.0.0" : yiaddr,
      options: optionsOf(said),
      ...rest,
    }),
  );
}

interface Answer {
  readonly yiaddr: string;
  readonly said: Said;
  readonly xid: number;
  readonly chaddr: string;
  readonly op: "request" | "reply";
}

/** A server's datagram without a checksum, as a frame. */
export function serverFrame(payload: Uint8Array, from = "10.0.0.1"): Uint8Array {
  const out = new Writer();
  out.raw(macToBytes(clientMac));
  out.raw(macToBytes("02:00:00:00:00:99"));
  out.u16be(0x0800);
  const header = new Writer(20);
  header.u32be(0x45000000 + 28 + payload.length);
  header.u32be(0);
  header.u32be((64 << 24) | (17 << 16));
  header.raw(ipToBytes(from));
  header.raw(ipToBytes("255.255.255.255"));
  const bytes = header.bytes;
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes.set([(~sum >>> 8) & 0xff, ~sum & 0xff], 10);
  out.raw(bytes);
  out.u16be(67);
  out.u16be(68);
  out.u16be(8 + payload.length);
  out.u16be(0);
  out.raw(payload);
  return out.bytes.slice();
}
