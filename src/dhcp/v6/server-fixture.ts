/** For tests: a server's and a router's side of DHCPv6, as frames of a link. */
import { Writer } from "../../lib/bytes.ts";
import { ipToBytes } from "../../lib/ip.ts";
import { macToBytes } from "../formats.ts";
import type { ClientOrder } from "../protocol.ts";
import { icmpFrame } from "./frame.ts";
import { decodeMessage, encodeMessage, type Message, type MessageType } from "./message.ts";
import {
  type OptionName,
  type Options,
  type OptionValue,
  option,
  optionTable,
  readOption,
} from "./options.ts";
import type { V6Outgoing, V6Wishes } from "./state.ts";

export const clientMac = "02:00:00:00:00:01";
export const otherMac = "02:00:00:00:00:77";
export const usualAddress = "2001:db8::50";

/** An order of a container, with what the test says otherwise. */
export function orderOf(
  wishes: Partial<V6Wishes> = {},
  more: Partial<ClientOrder<V6Wishes>> = {},
): ClientOrder<V6Wishes> {
  return {
    clientId: "0061",
    link: { netns: "/run/netns/x", name: "eth0", index: 2, mac: clientMac },
    wishes: { request: [23, 24], provide: [], conflictDetection: "rfc5227", ...wishes },
    ...more,
  };
}

/** The message in what a client sends. Throws where there is none. */
export function messageIn(outgoing: V6Outgoing | undefined): Message {
  if (outgoing?.kind !== "datagram") throw new Error("the client sent no message");
  return decodeMessage(outgoing.payload);
}

/** What a server says, by option name. */
export type Said = { readonly [Name in OptionName]?: OptionValue<Name> };

export function optionsOf(said: Said): Options {
  const names = Object.keys(said) as OptionName[];
  return names.map((name) => option(name, said[name]!));
}

/** What a server answers. */
export interface Answered {
  /** Two hexadecimal digits at the end of its DUID. */
  readonly server: string;
  readonly address: string | undefined;
  readonly preferred: number;
  readonly valid: number;
  readonly t1: number;
  readonly t2: number;
  /** Of the IA, and of the whole. */
  readonly iaStatus: number;
  readonly status: number;
  readonly said: Said;
  readonly transactionId: number;
  readonly iaid: number;
}

const usual: Omit<Answered, "transactionId" | "iaid"> = {
  server: "01",
  address: usualAddress,
  preferred: 600,
  valid: 1000,
  t1: 300,
  t2: 480,
  iaStatus: 0,
  status: 0,
  said: {},
};

export const serverDuid = (end: string): string => `00010001${end.padStart(8, "0")}`;

/** A server's answer to a message, as a frame. */
export function answerTo(
  question: Message,
  type: MessageType,
  more: Partial<Answered> = {},
): Uint8Array {
  const answered = { ...usual, ...more };
  const { options, transactionId } = question;
  const asked = readOption(options, "iaNa");
  const { address, preferred, valid, iaStatus, status, t1, t2 } = answered;
  const inner: Options = [
    ...(address ? [option("iaAddress", { address, preferred, valid, options: [] })] : []),
    ...(iaStatus ? [option("status", { code: iaStatus, message: "No" })] : []),
  ];
  const payload = encodeMessage({
    type,
    transactionId: answered.transactionId ?? transactionId,
    options: [
      ...options.filter(([code]) => code === optionTable.clientId[0]),
      option("serverId", Uint8Array.fromHex(serverDuid(answered.server))),
      ...optionsOf(answered.said),
      ...(status ? [option("status", { code: status, message: "Not\nthis" })] : []),
      ...(asked
        ? [option("iaNa", { iaid: answered.iaid ?? asked.iaid, t1, t2, options: inner })]
        : []),
    ],
  });
  return serverFrame(payload);
}

/** A server's datagram as a frame, its sum as the kernel leaves it to hardware. */
export function serverFrame(payload: Uint8Array, port = 546): Uint8Array {
  const out = new Writer();
  out.raw(macToBytes(clientMac));
  out.raw(macToBytes("02:00:00:00:00:99"));
  out.u16be(0x86dd);
  out.u32be(6 * 2 ** 28);
  out.u16be(payload.length + 8);
  out.u8(17);
  out.u8(64);
  const addresses = [...ipToBytes("fe80::99"), ...ipToBytes("fe80::1")];
  out.raw(Uint8Array.from(addresses));
  out.u16be(547);
  out.u16be(port);
  out.u16be(payload.length + 8);
  let sum = payload.length + 8 + 17;
  for (let i = 0; i < addresses.length; i += 2) sum += (addresses[i]! << 8) | addresses[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  out.u16be(sum);
  out.raw(payload);
  return out.bytes.slice();
}

/** A router's words in numbers. */
export interface Announced {
  readonly router: string;
  /** Seconds; 0 is no default router. */
  readonly lifetime: number;
  /** The byte of flags. */
  readonly flags: number;
  readonly prefix: string;
  readonly length: number;
  readonly onLink: boolean;
  /** More options, whole. */
  readonly more: readonly number[];
}

/** A router's advertisement, as a frame. */
export function routerFrame(announced: Partial<Announced> = {}): Uint8Array {
  const { router = "fe80::1", lifetime = 1800, flags = 0 } = announced;
  const { prefix = "2001:db8::", length = 64, onLink = true, more = [] } = announced;
  const message = new Writer();
  message.raw(Uint8Array.of(134, 0, 0, 0, 64, flags, lifetime >>> 8, lifetime & 0xff));
  message.zeros(8);
  message.raw(Uint8Array.of(3, 4, length, onLink ? 0x80 : 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  message.raw(ipToBytes(prefix));
  message.raw(Uint8Array.from(more));
  const group = "ff02::1";
  return icmpFrame({ mac: otherMac, from: router, group, message: message.bytes.slice() });
}

/** Another host's answer that it has the address. */
export function claimFrame(address: string, mac = otherMac): Uint8Array {
  const message = new Writer();
  message.raw(Uint8Array.of(136, 0, 0, 0, 0x20, 0, 0, 0));
  message.raw(ipToBytes(address));
  return icmpFrame({ mac, from: address, group: "ff02::1", message: message.bytes.slice() });
}
