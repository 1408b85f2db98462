/** Carries packets between a tun link and UDP sockets. All of its calls are synchronous. */
import { nameBytes, PacketBatch } from "../kernel/sys/datagrams.ts";
import { socketAddress, socketFamily } from "../kernel/sys/socket-address.ts";
import { Router, type TunnelPeer } from "./router.ts";
import type { TunnelCounters } from "./words.ts";

const capacity = 64;
const slotBytes = 65_536;

export interface ForwarderFiles {
  readonly tun: number;
  /** By family; -1: none. */
  readonly udp: { readonly ipv4: number; readonly ipv6: number };
}

export class Forwarder {
  readonly counters: TunnelCounters = {
    ...{ sent: 0, received: 0, unroutable: 0, unsent: 0, forged: 0, refused: 0 },
  };
  readonly #files: ForwarderFiles;
  readonly #out = new PacketBatch(capacity, slotBytes);
  readonly #in = new PacketBatch(capacity, slotBytes);
  #router = new Router([]);
  /** Peers' ends as the kernel's structs, `nameBytes` each. */
  #ends = new Uint8Array(0);

  constructor(files: ForwarderFiles) {
    this.#files = files;
  }

  /** In the place of all there were. Throws AddressError, RangeError, and then nothing changed. */
  setPeers(peers: readonly TunnelPeer[]): void {
    const router = new Router(peers);
    const ends = new Uint8Array(nameBytes * peers.length);
    for (const [at, { endpoint }] of peers.entries()) {
      ends.set(socketAddress(endpoint), nameBytes * at);
    }
    this.#router = router;
    this.#ends = ends;
  }

  /** What waits in the tun, as many packets as a batch holds. Throws SysError. */
  takeOut(): void {
    const batch = this.#out;
    const { tun } = this.#files;
    let count = 0;
    let family = 0;
    while (count < batch.capacity) {
      const length = batch.read(tun, count);
      if (length === 0) break;
      const peer = this.#router.peerTo(batch.bytes, count * slotBytes, length);
      if (peer < 0) {
        this.counters.unroutable++;
        continue;
      }
      const peerFamily = this.#ends[nameBytes * peer]!;
      if (count > 0 && peerFamily !== family) {
        // What was read lies behind: it goes to the front of the next batch.
        this.#send(family, count);
        const from = count * slotBytes;
        batch.bytes.copyWithin(0, from, from + length);
        count = 0;
      }
      family = peerFamily;
      copyName(this.#ends, peer, batch.names, count);
      batch.fill(count, length, family === socketFamily.ipv4 ? 16 : 28);
      count++;
    }
    if (count > 0) this.#send(family, count);
  }

  #send(family: number, count: number): void {
    const { ipv4, ipv6 } = this.#files.udp;
    const sent = this.#out.send(family === socketFamily.ipv4 ? ipv4 : ipv6, count);
    this.counters.sent += sent;
    this.counters.unsent += count - sent;
  }

  /** What waits in a socket, as many datagrams as a batch holds. Throws SysError. */
  takeIn(fd: number): void {
    const batch = this.#in;
    const count = batch.receive(fd);
    for (let slot = 0; slot < count; slot++) {
      const length = batch.lengthOf(slot);
      const peer = this.#router.peerFrom(batch.bytes, slot * slotBytes, length);
      if (peer < 0 || !this.#isFrom(peer, slot)) this.counters.forged++;
      else if (batch.write(this.#files.tun, slot, length)) this.counters.received++;
      else this.counters.refused++;
    }
  }

  /** Whether a received datagram is from this peer's end. */
  #isFrom(peer: number, slot: number): boolean {
    const [ends, names] = [this.#ends, this.#in.names];
    const [end, name] = [nameBytes * peer, nameBytes * slot];
    const isIpv4 = ends[end] === socketFamily.ipv4;
    for (let i = 0; i < (isIpv4 ? 8 : 24); i++) {
      // Between port and address IPv6 has the flow's label.
      if (!isIpv4 && i >= 4 && i < 8) continue;
      if (ends[end + i] !== names[name + i]) return false;
    }
    return true;
  }
}

function copyName(from: Uint8Array, peer: number, to: Uint8Array, slot: number): void {
  for (let i = 0; i < 28; i++) to[nameBytes * slot + i] = from[nameBytes * peer + i]!;
}
