/** Longest prefix match over one family, without an allocation per question. Pure. */
import { bytesOfIp } from "../lib/ip.ts";
import { ipOf, networkOf, type Prefix } from "../lib/prefix.ts";

const words = 4;

/** Made anew when anything changes; an address is four words, of IPv4 the first alone. */
export class PrefixTable {
  /** Of the lengths that occur, the longest first: four words each. */
  readonly #masks: Uint32Array;
  /** Open addressing: four words a place. */
  readonly #keys: Uint32Array;
  /** Place → which length it is of, and what it stands for; -1 where it is free. */
  readonly #lengths: Int32Array;
  readonly #values: Int32Array;

  /** Of equal prefixes the first counts. */
  constructor(entries: readonly { readonly prefix: Prefix; readonly value: number }[]) {
    const all = [...new Set(entries.map(({ prefix }) => prefix.length))].sort((a, b) => b - a);
    this.#masks = Uint32Array.from(all.flatMap(maskOf));
    const places = 2 ** Math.ceil(Math.log2(2 * entries.length + 2));
    this.#keys = new Uint32Array(words * places);
    this.#lengths = new Int32Array(places).fill(-1);
    this.#values = new Int32Array(places);
    for (const { prefix, value } of entries) {
      const [a, b, c, d] = wordsOf(bytesOfIp(ipOf(networkOf(prefix))));
      const which = all.indexOf(prefix.length);
      const place = this.#placeOf(which, a!, b!, c!, d!);
      if (this.#lengths[place] !== -1) continue;
      this.#lengths[place] = which;
      this.#values[place] = value;
      this.#keys.set([a!, b!, c!, d!], words * place);
    }
  }

  /** What the longest prefix that holds the address stands for; -1 where none does. */
  find(a: number, b: number, c: number, d: number): number {
    const masks = this.#masks;
    for (let at = 0, which = 0; at < masks.length; at += words, which++) {
      const m = masks[at]!;
      const n = masks[at + 1]!;
      const o = masks[at + 2]!;
      const place = this.#placeOf(which, a & m, b & n, c & o, d & masks[at + 3]!);
      if (this.#lengths[place] !== -1) return this.#values[place]!;
    }
    return -1;
  }

  /** Where it is, or where it would be. */
  #placeOf(which: number, a: number, b: number, c: number, d: number): number {
    const keys = this.#keys;
    const last = this.#lengths.length - 1;
    let hash = Math.imul(a ^ Math.imul(b, 0x85ebca6b), 0x9e3779b1) + which;
    hash = Math.imul(hash ^ (hash >>> 15) ^ Math.imul(c, 0xc2b2ae35) ^ d, 0x27d4eb2f);
    for (let place = (hash ^ (hash >>> 13)) & last; ; place = (place + 1) & last) {
      const length = this.#lengths[place]!;
      if (length === -1) return place;
      const at = words * place;
      if (length !== which || keys[at] !== a >>> 0 || keys[at + 1] !== b >>> 0) continue;
      if (keys[at + 2] === c >>> 0 && keys[at + 3] === d >>> 0) return place;
    }
  }
}

function maskOf(length: number): number[] {
  const bits = (at: number) => Math.min(Math.max(length - at, 0), 32);
  return [0, 32, 64, 96].map((at) => (bits(at) === 0 ? 0 : -1 << (32 - bits(at))) >>> 0);
}

function wordsOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [0, 4, 8, 12].map((at) => (at < bytes.length ? view.getUint32(at) : 0));
}
