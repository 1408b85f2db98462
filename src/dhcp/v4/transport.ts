/** A DHCPv4 client's sockets, in its link's namespace: packets past the address that it lacks. */
import { openSocketIn } from "../../kernel/netns/netns.ts";
import { closeSync } from "../../kernel/sys/files.ts";
import { bind, getsockopt, sendTo, setsockopt } from "../../kernel/sys/libc.ts";
import { sendFrame } from "../../kernel/sys/packet.ts";
import { ipToBytes } from "../../lib/ip.ts";
import { Listener } from "../listener.ts";
import type { ClientLink, Transport } from "../protocol.ts";
import { arpFilter, dhcpFilter } from "./filters.ts";
import { dhcpFrame, dhcpPorts, etherType, splitFrames } from "./frame.ts";
import type { V4Outgoing } from "./state.ts";

const afInet = 2;
const datagramSocket = 2 | 0o4000;
const solSocket = 1;
const socketOption = { reuseAddress: 2, receiveBuffer: 8, bindToDevice: 25, memory: 55 } as const;
/** Which number of SO_MEMINFO tells of bytes on their way out. Source: uapi/linux/sock_diag.h. */
const sendMemory = 2;
const patienceMs = 500;

/** Opens what hears servers' answers; the rest is opened when it is needed. */
export class V4Transport implements Transport<V4Outgoing> {
  readonly #link: ClientLink;
  readonly #receive: (frame: Uint8Array) => void;
  readonly #dhcp: Listener;
  #arp: Listener | undefined;
  /** Never read: while it is open the kernel doesn't refuse what a server sends to port 68. */
  #datagrams: number | undefined;

  /** Throws SysError, NetnsError. */
  constructor(link: ClientLink, receive: (frame: Uint8Array) => void) {
    this.#link = link;
    this.#receive = receive;
    this.#dhcp = new Listener(
      link,
      { etherType: etherType.ipv4, filter: dhcpFilter(), split: splitFrames },
      receive,
    );
  }

  send(packet: V4Outgoing): void {
    if (packet.kind === "datagram") {
      this.#sendDatagram(packet);
      return;
    }
    if (packet.kind === "probe") {
      this.#arp ??= new Listener(
        this.#link,
        { etherType: etherType.arp, filter: arpFilter(packet.address), split: splitFrames },
        this.#receive,
      );
    } else this.#closeArp();
    sendFrame(this.#dhcp.fd, this.#link.index, packet.frame);
  }

  async flush(): Promise<void> {
    const end = performance.now() + patienceMs;
    while (this.#datagrams !== undefined && performance.now() < end) {
      const memory = getsockopt(this.#datagrams, solSocket, socketOption.memory, 36);
      const waiting = new DataView(memory.buffer).getUint32(4 * sendMemory, true);
      if (waiting === 0) return;
      await Bun.sleep(2);
    }
  }

  [Symbol.dispose](): void {
    this.#dhcp[Symbol.dispose]();
    this.#closeArp();
    if (this.#datagrams !== undefined) closeSync(this.#datagrams);
    this.#datagrams = undefined;
  }

  /** What was declined is of no more interest, and the next probe asks for another address. */
  #closeArp(): void {
    this.#arp?.[Symbol.dispose]();
    this.#arp = undefined;
  }

  #sendDatagram({ from, to, payload }: Extract<V4Outgoing, { kind: "datagram" }>): void {
    try {
      this.#datagrams ??= this.#openDatagrams(from);
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRNOTAVAIL") throw error;
      // The link never got the address, or lost it: the server hears all the same.
      const frame = dhcpFrame(this.#link.mac, payload, { from, to });
      sendFrame(this.#dhcp.fd, this.#link.index, frame);
      return;
    }
    sendTo(this.#datagrams, payload, inetAddress(to, dhcpPorts.server));
  }

  #openDatagrams(from: string): number {
    const { netns, name } = this.#link;
    const fd = openSocketIn(netns, { family: afInet, type: datagramSocket, protocol: 0 });
    try {
      setsockopt(fd, solSocket, socketOption.reuseAddress, int32(1));
      setsockopt(fd, solSocket, socketOption.receiveBuffer, int32(0));
      setsockopt(fd, solSocket, socketOption.bindToDevice, new TextEncoder().encode(`${name}\0`));
      bind(fd, inetAddress(from, dhcpPorts.client));
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

/** `struct sockaddr_in`. */
function inetAddress(ip: string, port: number): Uint8Array {
  const address = new Uint8Array(16);
  address[0] = afInet;
  address.set([port >>> 8, port & 0xff], 2);
  address.set(ipToBytes(ip), 4);
  return address;
}

function int32(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}
