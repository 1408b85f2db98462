/**
 * Which addresses are taken, as a tree of 256-bit nodes in a hash table. A leaf has a bit an
 * address; a node above it has a bit for each child that is full. So the next free address is
 * found in a handful of look-ups, however many are taken.
 */
import { addressBits, bytesOfIp, type Ip, ipFromBytes } from "../../lib/ip.ts";
import type { IpRange } from "../../lib/range.ts";
import type { HashPages } from "./hash-pages.ts";

const emptyNode = new Uint8Array(32);

export class TakenAddresses {
  readonly #table: HashPages;

  constructor(table: HashPages) {
    this.#table = table;
  }

  /** Whether it was added. */
  has(ip: Ip): boolean {
    const address = bytesOfIp(ip);
    const node = this.#find(nodeKey(address, 0))?.value;
    return node !== undefined && isSet(node, address.at(-1)!);
  }

  add(ip: Ip): void {
    const address = bytesOfIp(ip);
    for (let level = 0; level < address.length; level++) {
      const key = nodeKey(address, level);
      const node = this.#find(key) ?? this.#table.add(key, emptyNode);
      const bit = address[address.length - 1 - level]!;
      node.value[bit >> 3]! |= 1 << (bit & 7);
      this.#table.touch(node.number);
      if (firstClear(node.value, 0) < 256) return;
    }
  }

  remove(ip: Ip): void {
    const address = bytesOfIp(ip);
    for (let level = 0; level < address.length; level++) {
      const node = this.#find(nodeKey(address, level));
      if (!node) return;
      const wasFull = firstClear(node.value, 0) === 256;
      const bit = address[address.length - 1 - level]!;
      node.value[bit >> 3]! &= ~(1 << (bit & 7));
      if (node.value.every((byte) => byte === 0)) this.#table.removeAt(node.number, node.slot);
      else this.#table.touch(node.number);
      if (!wasFull) return;
    }
  }

  /** The lowest address of the range that is not taken. */
  nextFree(range: IpRange): Ip | undefined {
    const address = bytesOfIp({ family: range.family, value: range.first });
    const size = addressBits(range.family) / 8;
    let level = 0;
    let from = address[size - 1]!;
    for (;;) {
      const clear = firstClear(this.#find(nodeKey(address, level))?.value ?? emptyNode, from);
      if (clear < 256) {
        address[size - 1 - level] = clear;
        if (level === 0) break;
        // This child is not full: go down to its lowest free address.
        level--;
        from = 0;
        continue;
      }
      level++;
      if (level === size) return undefined;
      from = address[size - 1 - level]! + 1;
      address.fill(0, size - level);
    }
    const ip = ipFromBytes(address);
    return ip.value <= range.last ? ip : undefined;
  }

  #find(key: Uint32Array): { value: Uint8Array; number: number; slot: number } | undefined {
    for (const found of this.#table.values(key)) return found;
    return undefined;
  }
}

/** Family, level and the bytes of the address that all of the node's addresses share. */
function nodeKey(address: Uint8Array, level: number): Uint32Array {
  const key = new Uint8Array(16);
  key[0] = (address.length === 4 ? 0x40 : 0x60) | level;
  key.set(address.subarray(0, address.length - 1 - level), 1);
  return new Uint32Array(key.buffer);
}

const isSet = (node: Uint8Array, bit: number): boolean =>
  ((node[bit >> 3]! >> (bit & 7)) & 1) === 1;

/** The lowest clear bit from `from` on; 256 if there is none. */
function firstClear(node: Uint8Array, from: number): number {
  for (let bit = from; bit < 256; bit++) {
    if ((bit & 7) === 0 && node[bit >> 3] === 255) bit += 7;
    else if (!isSet(node, bit)) return bit;
  }
  return 256;
}
