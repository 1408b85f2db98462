/** The writer and the reader of binary messages: order of bytes, growth, bounds. */
import { describe, expect, test } from "bun:test";
import { DecodeError, Reader, Writer } from "./bytes.ts";

test("numbers are little endian, and big endian where the name says so", () => {
  const out = new Writer(1);
  out.u8(0x01);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.i32(-2);
  out.u64(0x08090a0b0c0d0e0fn);
  out.u16be(0x1011);
  out.u32be(0xf2131415);
  out.u64be(0xf617181920212223n);
  expect(out.bytes.toHex()).toBe(
    `01${"0302"}${"07060504"}${"feffffff"}${"0f0e0d0c0b0a0908"}${"1011"}${"f2131415"}${"f617181920212223"}`,
  );
  const from = new Reader(out.bytes);
  expect([from.u8(), from.u16(), from.u32(), from.i32()]).toEqual([1, 0x0203, 0x04050607, -2]);
  expect(from.u64()).toBe(0x08090a0b0c0d0e0fn);
  expect([from.u16be(), from.u32be()]).toEqual([0x1011, 0xf2131415]);
  expect(from.u64be()).toBe(0xf617181920212223n);
  expect(from.left).toBe(0);
});

describe("a number that does not fit is refused, and nothing is written", () => {
  const cases: [string, (out: Writer) => void][] = [
    ["u8", (out) => out.u8(256)],
    ["u8, negative", (out) => out.u8(-1)],
    ["u8, no number", (out) => out.u8(undefined as unknown as number)],
    ["u16", (out) => out.u16(65536)],
    ["u16be", (out) => out.u16be(-1)],
    ["u32", (out) => out.u32(2 ** 32)],
    ["u32, a fraction", (out) => out.u32(1.5)],
    ["u32be, not a number", (out) => out.u32be(Number.NaN)],
    ["i32", (out) => out.i32(2 ** 31)],
    ["u64", (out) => out.u64(-1n)],
    ["u64be", (out) => out.u64be(1n << 64n)],
  ];
  for (const [name, write] of cases) {
    test(name, () => {
      const out = new Writer();
      expect(() => write(out)).toThrow(RangeError);
      expect(out.bytes.every((byte) => byte === 0)).toBe(true);
    });
  }
});

test("a buffer grows by what is written, zeros included", () => {
  const out = new Writer(2);
  out.raw(Uint8Array.of(1, 2, 3));
  out.align(4);
  out.zeros(5);
  out.u8(9);
  out.align(8);
  expect([...out.bytes]).toEqual([1, 2, 3, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0]);
  out.patchU16(0, 0xaabb);
  out.patchU32(4, 0x01020304);
  expect([...out.bytes.subarray(0, 8)]).toEqual([0xbb, 0xaa, 3, 0, 4, 3, 2, 1]);
});

describe("no read leaves its window", () => {
  const reads: [string, (from: Reader) => unknown][] = [
    ["u8", (from) => from.u8()],
    ["u16", (from) => from.u16()],
    ["u32", (from) => from.u32()],
    ["u64", (from) => from.u64()],
    ["u64be", (from) => from.u64be()],
    ["raw", (from) => from.raw(1)],
    ["skip", (from) => from.skip(1)],
    ["window", (from) => from.window(1)],
    ["a negative count", (from) => from.skip(-1)],
    ["no count", (from) => from.raw(Number.NaN)],
  ];
  for (const [name, read] of reads) {
    test(name, () => {
      const from = new Reader(new Uint8Array(16)).window(8);
      from.skip(8);
      expect(() => read(from)).toThrow(DecodeError);
      expect(from.left).toBe(0);
    });
  }
  test("its offset is told from the start of the buffer", () => {
    const from = new Reader(new Uint8Array(16), 4).window(6);
    from.skip(5);
    expect(() => from.u16()).toThrow("need 2 bytes, have 1 at byte 9");
  });
});
