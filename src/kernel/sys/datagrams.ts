/** Packets of a tun link and UDP datagrams, many with one system call. Source: recvmmsg(2). */
import { dlopen, type Pointer, ptr } from "bun:ffi";
import { lastErrno } from "./files.ts";
import { bind, SysError, setsockopt, socket } from "./libc.ts";
import { socketAddress, socketFamily, type UdpEnd } from "./socket-address.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: "i32" },
  recvmmsg: { args: ["i32", "ptr", "u32", "i32", "ptr"], returns: "i32" },
  sendmmsg: { args: ["i32", "ptr", "u32", "i32"], returns: "i32" },
  write: { args: ["i32", "ptr", "u64"], returns: "i32" },
});

const dontWait = 0x40;
const truncated = 0x20;
const errno = { EINTR: 4, EAGAIN: 11 } as const;
/** `struct mmsghdr` and `struct iovec` of machines with 64 bits, in words of 32. */
const header = { name: 0, nameLength: 2, iovec: 4, iovecs: 6, flags: 12, length: 14, size: 16 };
const iovec = { base: 0, length: 2, size: 4 } as const;
/** Bytes for a datagram's other end. */
export const nameBytes = 32;

/** Slots for packets, each with the datagram's other end. In memory that never moves. */
export class PacketBatch {
  readonly capacity: number;
  readonly slotBytes: number;
  /** All slots, one after the other. */
  readonly bytes: Uint8Array;
  /** The other ends, `nameBytes` each. */
  readonly names: Uint8Array;
  readonly #headers: Uint32Array;
  readonly #iovecs: Uint32Array;
  readonly #bytesAt: number;
  readonly #headersAt: number;

  constructor(capacity: number, slotBytes: number) {
    this.capacity = capacity;
    this.slotBytes = slotBytes;
    const iovecsFrom = 4 * header.size * capacity;
    const namesFrom = iovecsFrom + 4 * iovec.size * capacity;
    const slotsFrom = namesFrom + nameBytes * capacity;
    const { buffer } = new Uint8Array(slotsFrom + slotBytes * capacity);
    this.#headers = new Uint32Array(buffer, 0, header.size * capacity);
    this.#iovecs = new Uint32Array(buffer, iovecsFrom, iovec.size * capacity);
    this.names = new Uint8Array(buffer, namesFrom, nameBytes * capacity);
    this.bytes = new Uint8Array(buffer, slotsFrom);
    this.#headersAt = ptr(buffer);
    this.#bytesAt = this.#headersAt + slotsFrom;
    for (let i = 0; i < capacity; i++) {
      const at = header.size * i;
      point(this.#headers, at + header.name, this.#headersAt + namesFrom + nameBytes * i);
      point(this.#headers, at + header.iovec, this.#headersAt + iovecsFrom + 4 * iovec.size * i);
      this.#headers[at + header.iovecs] = 1;
      point(this.#iovecs, iovec.size * i + iovec.base, this.#bytesAt + slotBytes * i);
    }
  }

  /** Fills slots from the front with what waits. Gives how many. Throws SysError. */
  receive(fd: number): number {
    for (let i = 0; i < this.capacity; i++) {
      this.#headers[header.size * i + header.nameLength] = nameBytes;
      this.#iovecs[iovec.size * i + iovec.length] = this.slotBytes;
    }
    const at = this.#headersAt as Pointer;
    return unlessBusy("recvmmsg", libc.recvmmsg(fd, at, this.capacity, dontWait, null));
  }

  /** How long the datagram in a slot is; 0 for one that did not fit. */
  lengthOf(slot: number): number {
    const at = header.size * slot;
    return this.#headers[at + header.flags]! & truncated ? 0 : this.#headers[at + header.length]!;
  }

  /** What is to be sent from a slot. */
  fill(slot: number, length: number, nameLength: number): void {
    this.#headers[header.size * slot + header.nameLength] = nameLength;
    this.#iovecs[iovec.size * slot + iovec.length] = length;
  }

  /** Sends the first slots to their ends. What can't be sent is left out: gives how many were. */
  send(fd: number, count: number): number {
    let sent = 0;
    for (let from = 0; from < count; ) {
      const at = (this.#headersAt + 4 * header.size * from) as Pointer;
      const done = libc.sendmmsg(fd, at, count - from, dontWait);
      // The error is the first one's: too long for the way, no way there, no room.
      if (done <= 0) from++;
      else {
        from += done;
        sent += done;
      }
    }
    return sent;
  }

  /** Reads a packet into a slot. 0: none waits. Throws SysError. */
  read(fd: number, slot: number): number {
    const at = (this.#bytesAt + this.slotBytes * slot) as Pointer;
    return unlessBusy("read", libc.read(fd, at, this.slotBytes));
  }

  /** Writes a packet from a slot. False where the link does not take it. */
  write(fd: number, slot: number, length: number): boolean {
    return libc.write(fd, (this.#bytesAt + this.slotBytes * slot) as Pointer, length) === length;
  }
}

/** Writes an address into two words. */
function point(words: Uint32Array, at: number, address: number): void {
  words[at] = address;
  words[at + 1] = Math.floor(address / 2 ** 32);
}

function unlessBusy(call: string, result: number): number {
  if (result >= 0) return result;
  const why = lastErrno();
  if (why === errno.EAGAIN || why === errno.EINTR) return 0;
  throw new SysError(call, why);
}

/** Waits for any of some files to have something. */
export class Waiter {
  readonly #entries: Int32Array;

  constructor(fds: readonly number[]) {
    this.#entries = new Int32Array(fds.flatMap((fd) => [fd, 1]));
  }

  /** Throws SysError. */
  wait(): void {
    const { length } = this.#entries;
    for (let i = 1; i < length; i += 2) this.#entries[i] = 1;
    unlessBusy("poll", libc.poll(ptr(this.#entries), length / 2, -1));
  }

  /** Whether the file has something, be it its end. */
  has(which: number): boolean {
    return this.#entries[2 * which + 1]! >>> 16 !== 0;
  }
}

const option = { sendBuffer: 32, receiveBuffer: 33 } as const; // …FORCE
const bufferBytes = 4 << 20;

/** A UDP socket that never has its datagrams divided on their way. Throws SysError. */
export function openUdp(end: UdpEnd): number {
  const address = socketAddress(end);
  const family = address[0]!;
  const fd = socket(family, 2, 0);
  const set = (level: number, name: number, value: number) =>
    setsockopt(fd, level, name, new Uint8Array(new Int32Array([value]).buffer));
  const alwaysDontFragment = 2; // IP_PMTUDISC_DO
  if (family === socketFamily.ipv4) set(0, 10, alwaysDontFragment);
  else {
    set(41, 23, alwaysDontFragment);
    set(41, 26, 1); // IPv6 alone
  }
  set(1, option.sendBuffer, bufferBytes);
  set(1, option.receiveBuffer, bufferBytes);
  bind(fd, address);
  return fd;
}
