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

/** A number that the field cannot hold, and would be cut to another one. */
function misfit(value: number, field: string): never {
  throw new RangeError(`${value} does not fit ${field}`);
}

// Plain bytes and fields, not DataView and `#`: in a process that lives milliseconds every line
// runs once, and the first use of those costs more than all the arithmetic here.

/** Appends values to a buffer that grows. Throws RangeError for numbers that do not fit. */
export class Writer {
  private buffer: Uint8Array;
  private used = 0;

  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(capacity);
  }

  get length(): number {
    return this.used;
  }

  /** What was written so far, not copied: valid until the next write. */
  get bytes(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  private take(count: number): number {
    const at = this.used;
    this.used += count;
    if (this.used > this.buffer.length) this.grow();
    return at;
  }

  private grow(): void {
    const larger = new Uint8Array(Math.max(this.used, this.buffer.length * 2));
    larger.set(this.buffer);
    this.buffer = larger;
  }

  u8(value: number): void {
    if ((value & 0xff) !== value) misfit(value, "u8");
    const at = this.take(1);
    this.buffer[at] = value;
  }
  u16(value: number): void {
    if ((value & 0xffff) !== value) misfit(value, "u16");
    const at = this.take(2);
    this.buffer[at] = value;
    this.buffer[at + 1] = value >>> 8;
  }
  u32(value: number): void {
    if (value >>> 0 !== value) misfit(value, "u32");
    const at = this.take(4);
    const { buffer } = this;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
  }
  i32(value: number): void {
    if ((value | 0) !== value) misfit(value, "i32");
    this.patchU32(this.take(4), value >>> 0);
  }
  u64(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) misfit(Number(value), "u64");
    this.u32(Number(value & 0xffffffffn));
    this.u32(Number(value >> 32n));
  }
  u16be(value: number): void {
    if ((value & 0xffff) !== value) misfit(value, "u16");
    this.u8(value >>> 8);
    this.u8(value & 0xff);
  }
  u32be(value: number): void {
    if (value >>> 0 !== value) misfit(value, "u32");
    this.u16be(value >>> 16);
    this.u16be(value & 0xffff);
  }
  u64be(value: bigint): void {
    if (BigInt.asUintN(64, value) !== value) misfit(Number(value), "u64");
    this.u32be(Number(value >> 32n));
    this.u32be(Number(value & 0xffffffffn));
  }
  raw(bytes: Uint8Array): void {
    const at = this.take(bytes.length);
    this.buffer.set(bytes, at);
  }
  zeros(count: number): void {
    this.take(count);
  }
  /** Zeros up to a multiple of `boundary`. */
  align(boundary: number): void {
    this.zeros((boundary - (this.used % boundary)) % boundary);
  }
  patchU16(at: number, value: number): void {
    if ((value & 0xffff) !== value) misfit(value, "u16");
    this.buffer[at] = value;
    this.buffer[at + 1] = value >>> 8;
  }
  patchU32(at: number, value: number): void {
    if (value >>> 0 !== value) misfit(value, "u32");
    this.buffer[at] = value;
    this.buffer[at + 1] = value >>> 8;
    this.buffer[at + 2] = value >>> 16;
    this.buffer[at + 3] = value >>> 24;
  }
}

/** Reads a window of a buffer from front to back. Every read past the window throws DecodeError. */
export class Reader {
  private readonly bytes: Uint8Array;
  private position: number;
  private readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  /** Where the next read starts, from the start of the buffer. */
  get at(): number {
    return this.position;
  }
  get left(): number {
    return this.end - this.position;
  }

  private take(count: number): number {
    const at = this.position;
    // Also catches NaN, which no comparison with `>` would.
    if (!(count >= 0 && count <= this.end - at)) {
      throw new DecodeError(`need ${count} bytes, have ${this.left}`, at);
    }
    this.position = at + count;
    return at;
  }

  u8(): number {
    return this.bytes[this.take(1)]!;
  }
  u16(): number {
    const at = this.take(2);
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }
  u32(): number {
    const at = this.take(4);
    const { bytes } = this;
    return (
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    );
  }
  i32(): number {
    const at = this.take(4);
    const { bytes } = this;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }
  u64(): bigint {
    const at = this.take(8);
    this.position = at;
    const low = this.u32();
    return (BigInt(this.u32()) << 32n) | BigInt(low);
  }
  u16be(): number {
    const at = this.take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }
  u32be(): number {
    const at = this.take(4);
    const { bytes } = this;
    return (
      ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
    );
  }
  u64be(): bigint {
    const at = this.take(8);
    this.position = at;
    const high = this.u32be();
    return (BigInt(high) << 32n) | BigInt(this.u32be());
  }
  /** The next `count` bytes, not copied. */
  raw(count: number): Uint8Array {
    const at = this.take(count);
    return this.bytes.subarray(at, at + count);
  }
  skip(count: number): void {
    this.take(count);
  }
  /** A reader of the next `count` bytes. */
  window(count: number): Reader {
    const at = this.take(count);
    return new Reader(this.bytes, at, at + count);
  }
}
