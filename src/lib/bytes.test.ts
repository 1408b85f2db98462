/** The writer and the reader of binary messages. */
import { expect, test } from "bun:test";
import { DecodeError, Reader, Writer } from "./bytes.ts";

const writes: [string, (out: Writer) => void, number[]][] = [
  ["u8", (out) => out.u8(0xab), [0xab]],
  ["u16", (out) => out.u16(0xabcd), [0xcd, 0xab]],
  ["u32", (out) => out.u32(0xabcdef01), [0x01, 0xef, 0xcd, 0xab]],
  ["i32", (out) => out.i32(-2), [0xfe, 0xff, 0xff, 0xff]],
  ["u64", (out) => out.u64(0x0102n), [2, 1, 0, 0, 0, 0, 0, 0]],
  ["u16be", (out) => out.u16be(0xabcd), [0xab, 0xcd]],
  ["u32be", (out) => out.u32be(0xabcdef01), [0xab, 0xcd, 0xef, 0x01]],
  ["u64be", (out) => out.u64be(0x0102n), [0, 0, 0, 0, 0, 0, 1, 2]],
  ["raw", (out) => out.raw(Uint8Array.of(1, 2, 3)), [1, 2, 3]],
  ["zeros", (out) => out.zeros(3), [0, 0, 0]],
];

test("every kind of value survives the buffer's growth, wherever it falls", () => {
  for (const [name, write, bytes] of writes) {
    for (let filled = 0; filled <= 8; filled++) {
      const out = new Writer(8);
      for (let i = 0; i < filled; i++) out.u8(0x55);
      write(out);
      expect([name, filled, [...out.bytes]]).toEqual([
        name,
        filled,
        [...new Array(filled).fill(0x55), ...bytes],
      ]);
    }
  }
});

test("a read past the window's end is a DecodeError with the offset", () => {
  const window = new Reader(Uint8Array.of(1, 2, 3, 4)).window(3);
  expect(window.u16()).toBe(0x0201);
  expect(() => window.u16()).toThrow(new DecodeError("need 2 bytes, have 1", 2));
  expect(() => window.raw(-1)).toThrow(DecodeError);
});
