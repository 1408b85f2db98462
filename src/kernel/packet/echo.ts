/** Who answers an echo request. Sources: RFC 792, RFC 4443, raw(7), uapi/linux/icmp.h, icmpv6.h. */
import { closeSync } from "../sys/files.ts";
import { recv, SysError, sendTo, setsockopt, socket } from "../sys/libc.ts";
import { socketAddress } from "../sys/socket-address.ts";

interface Protocol {
  readonly family: number;
  readonly protocol: number;
  readonly request: number;
  readonly reply: number;
  /** Of the socket: nothing but replies. */
  readonly filter: { readonly level: number; readonly mask: Uint8Array };
  /** The kernel hands IPv4's header over, and works checksums out for IPv6 alone. */
  readonly hasHeader: boolean;
}

const protocols: Readonly<Record<4 | 6, Protocol>> = {
  4: {
    ...{ family: 2, protocol: 1, request: 8, reply: 0, hasHeader: true },
    filter: { level: 255, mask: blockingAllBut(0, 4) },
  },
  6: {
    ...{ family: 10, protocol: 58, request: 128, reply: 129, hasHeader: false },
    filter: { level: 58, mask: blockingAllBut(129, 32) },
  },
};

const sockRaw = 3;
const dontWait = 0x40;
const filterOption = 1;
const receiveBufferForce = { level: 1, option: 33, bytes: 1 << 20 } as const;
const lookMs = 20;
const headerBytes = 8;
const tokenBytes = 8;

/** Asks all at once. Gives who answered within so long. Throws SysError without privileges. */
export async function answering(
  addresses: readonly string[],
  patienceMs: number,
): Promise<Set<string>> {
  const token = crypto.getRandomValues(new Uint8Array(tokenBytes));
  const answered = new Set<string>();
  const open = ([4, 6] as const).flatMap((version) => {
    const own = addresses.filter((address) => (address.includes(":") ? 6 : 4) === version);
    return own.length === 0 ? [] : [{ ...protocols[version], own, fd: openEcho(version) }];
  });
  try {
    for (const one of open) ask(one, token);
    const endMs = performance.now() + patienceMs;
    const isDone = () => answered.size === new Set(addresses).size || performance.now() >= endMs;
    while (!isDone()) {
      await new Promise((resolve) => setTimeout(resolve, lookMs));
      for (const one of open) {
        for (const index of heard(one, token)) answered.add(one.own[index] ?? "");
      }
    }
    answered.delete("");
    return answered;
  } finally {
    for (const { fd } of open) closeSync(fd);
  }
}

type Open = Protocol & { readonly own: readonly string[]; readonly fd: number };

function openEcho(version: 4 | 6): number {
  const { family, protocol, filter } = protocols[version];
  const fd = socket(family, sockRaw, protocol);
  const { level, option, bytes } = receiveBufferForce;
  setsockopt(fd, filter.level, filterOption, filter.mask);
  setsockopt(fd, level, option, new Uint8Array(new Int32Array([bytes]).buffer));
  return fd;
}

/** The number of each in the list is its sequence number. */
function ask({ own, fd, request, hasHeader }: Open, token: Uint8Array): void {
  for (const [index, address] of own.entries()) {
    const packet = new Uint8Array(headerBytes + tokenBytes);
    packet[0] = request;
    packet[6] = index >> 8;
    packet[7] = index;
    packet.set(token, headerBytes);
    if (hasHeader) setChecksum(packet);
    try {
      sendTo(fd, packet, socketAddress({ address, port: 0 }));
    } catch (error) {
      // No way there, or a neighbour that did not answer a moment ago: so nobody answers.
      if (!(error instanceof SysError)) throw error;
    }
  }
}

function* heard({ fd, reply, hasHeader }: Open, token: Uint8Array): Generator<number> {
  const buffer = new Uint8Array(256);
  for (;;) {
    let length: number;
    try {
      length = recv(fd, buffer, dontWait);
    } catch (error) {
      if ((error as SysError).code === "EAGAIN") return;
      throw error;
    }
    const packet = buffer.subarray(hasHeader ? 4 * (buffer[0]! & 15) : 0, length);
    const isOurs =
      packet[0] === reply && token.every((byte, i) => packet[headerBytes + i] === byte);
    if (isOurs) yield (packet[6]! << 8) | packet[7]!;
  }
}

/** Source: RFC 1071. */
function setChecksum(packet: Uint8Array): void {
  let sum = 0;
  for (let i = 0; i < packet.length; i += 2) sum += (packet[i]! << 8) | packet[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet[2] = (~sum >> 8) & 0xff;
  packet[3] = ~sum & 0xff;
}

/** A bit a type, in words of the machine: those that are set don't pass. */
function blockingAllBut(type: number, bytes: number): Uint8Array {
  const words = new Uint32Array(bytes / 4).fill(0xffffffff);
  words[type >> 5]! &= ~(1 << (type & 31));
  return new Uint8Array(words.buffer);
}
