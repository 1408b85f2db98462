/** A DHCPv6 client's sockets, in its link's namespace. Source: RFC 8415 sections 7.2 and 18.1. */
import { openSocketIn } from "../../kernel/netns/netns.ts";
import { closeSync } from "../../kernel/sys/files.ts";
import { bind, SysError, sendTo, setsockopt } from "../../kernel/sys/libc.ts";
import { joinGroup, sendFrame } from "../../kernel/sys/packet.ts";
import { ipToBytes } from "../../lib/ip.ts";
import { Listener } from "../listener.ts";
import type { ClientLink, Transport } from "../protocol.ts";
import { clientFilter } from "./filter.ts";
import { dhcpPorts, etherType, groupMac, splitFrames } from "./frame.ts";
import { solicitedNodeGroup } from "./neighbours.ts";
import type { V6Outgoing } from "./state.ts";

const afInet6 = 10;
const datagramSocket = 2 | 0o4000;
const ipprotoIpv6 = 41;
const solSocket = 1;
const socketOption = { receiveBuffer: 8, bindToDevice: 25 } as const;
const v6Only = 26;
/** How often a link without an address of its own is looked at again. */
const pauseMs = 20;

type Datagram = Extract<V6Outgoing, { kind: "datagram" }>;

/**
 * Messages leave by a datagram socket, from the link-local address that the kernel gave the link;
 * one that is sent before the kernel has made sure of that address waits for it. Answers come by a
 * packet socket, with what neighbours and routers say.
 */
export class V6Transport implements Transport<V6Outgoing> {
  readonly #link: ClientLink;
  readonly #listener: Listener;
  /** Never read: while it is open the kernel doesn't refuse what a server sends to port 546. */
  readonly #datagrams: number;
  #waiting: Datagram | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Throws SysError, NetnsError. */
  constructor(link: ClientLink, receive: (frame: Uint8Array) => void) {
    this.#link = link;
    const wanted = { etherType, filter: clientFilter, split: splitFrames };
    this.#listener = new Listener(link, wanted, receive);
    try {
      this.#datagrams = openDatagrams(link);
    } catch (error) {
      this.#listener[Symbol.dispose]();
      throw error;
    }
  }

  send(packet: V6Outgoing): void {
    const { index } = this.#link;
    if (packet.kind === "datagram") {
      this.#stopWaiting();
      this.#sendDatagram(packet);
      return;
    }
    if (packet.kind === "probe") {
      joinGroup(this.#listener.fd, index, groupMac(solicitedNodeGroup(packet.address)));
    }
    sendFrame(this.#listener.fd, index, packet.frame);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWaiting();
    this.#listener[Symbol.dispose]();
    closeSync(this.#datagrams);
  }

  #sendDatagram(datagram: Datagram): void {
    const { to, payload } = datagram;
    const address = inetAddress(to, { port: dhcpPorts.server, scope: this.#link.index });
    try {
      sendTo(this.#datagrams, payload, address);
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== "EADDRNOTAVAIL") throw error;
      this.#waiting = datagram;
      this.#timer = setTimeout(() => this.#sendWaiting(), pauseMs);
    }
  }

  #sendWaiting(): void {
    const datagram = this.#waiting;
    this.#waiting = undefined;
    if (datagram === undefined) return;
    try {
      this.#sendDatagram(datagram);
    } catch (error) {
      // The link went down or away: who sends the next message hears of it.
      if (!(error instanceof SysError)) throw error;
    }
  }

  /** A message takes the place of the one before, which nobody waits for any more. */
  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#waiting = undefined;
  }
}

function openDatagrams({ netns, name }: ClientLink): number {
  const fd = openSocketIn(netns, { family: afInet6, type: datagramSocket, protocol: 0 });
  try {
    setsockopt(fd, ipprotoIpv6, v6Only, int32(1));
    setsockopt(fd, solSocket, socketOption.receiveBuffer, int32(0));
    setsockopt(fd, solSocket, socketOption.bindToDevice, new TextEncoder().encode(`${name}\0`));
    bind(fd, inetAddress("::", { port: dhcpPorts.client, scope: 0 }));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** `struct sockaddr_in6`. `scope` is the index of the link that a link-local address is on. */
function inetAddress(ip: string, { port, scope }: { port: number; scope: number }): Uint8Array {
  const address = new Uint8Array(28);
  address[0] = afInet6;
  address.set([port >>> 8, port & 0xff], 2);
  address.set(ipToBytes(ip), 8);
  address.set(int32(scope), 24);
  return address;
}

function int32(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}
