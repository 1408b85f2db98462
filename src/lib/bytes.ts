/** Growing writer and bounds-checked reader of binary messages, little endian unless named `Be`. */

/** Bytes that do not form what they should. `offset` counts from the start of the buffer read. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.offset = offset;
  }
}

/** Appends values to a buffer that grows as needed. */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written so far, not copied: valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #take(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  u8(value: number): void {
    this.#view.setUint8(this.#take(1), value);
  }
  u16(value: number): void {
    this.#view.setUint16(this.#take(2), value, true);
  }
  u32(value: number): void {
    this.#view.setUint32(this.#take(4), value, true);
  }
  i32(value: number): void {
    this.#view.setInt32(this.#take(4), value, true);
  }
  u64(value: bigint): void {
    this.#view.setBigUint64(this.#take(8), value, true);
  }
  u16be(value: number): void {
    this.#view.setUint16(this.#take(2), value);
  }
  u32be(value: number): void {
    this.#view.setUint32(this.#take(4), value);
  }
  u64be(value: bigint): void {
    this.#view.setBigUint64(this.#take(8), value);
  }
  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }
  zeros(count: number): void {
    this.#take(count);
  }
  /** Zeros up to a multiple of `boundary`. */
  align(boundary: number): void {
    this.zeros((boundary - (this.#length % boundary)) % boundary);
  }
  patchU16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }
  patchU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }
}

/** Reads a window of a buffer from front to back. Every read past the window throws DecodeError. */
export class Reader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }
  get left(): number {
    return this.#end - this.#at;
  }

  #take(count: number): number {
    if (count < 0 || count > this.left) {
      throw new DecodeError(`need ${count} bytes, have ${this.left}`, this.#at);
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }
  u16be(): number {
    return this.#view.getUint16(this.#take(2));
  }
  u32be(): number {
    return this.#view.getUint32(this.#take(4));
  }
  u64be(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }
  /** The next `count` bytes, not copied. */
  raw(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }
  skip(count: number): void {
    this.#take(count);
  }
  /** A reader of the next `count` bytes. */
  window(count: number): Reader {
    const at = this.#take(count);
    return new Reader(this.#bytes, at, at + count);
  }
}
