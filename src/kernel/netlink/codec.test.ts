/** Codecs of single attributes: bytes as the kernel has them, and what is refused. */
import { describe, expect, test } from "bun:test";
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import * as codec from "./codec.ts";
import { type Codec, writeAttr } from "./codec.ts";

function hexOf<T>(of: Codec<T>, value: T): string {
  const out = new Writer();
  of.write(out, value);
  return out.bytes.toHex();
}

const read = <T>(of: Codec<T>, hex: string): T => of.read(new Reader(Uint8Array.fromHex(hex)));

test("text ends with a NUL, which may lack when reading", () => {
  expect(hexOf(codec.string, "lo")).toBe("6c6f00");
  expect([read(codec.string, "6c6f00"), read(codec.string, "6c6f")]).toEqual(["lo", "lo"]);
  expect(read(codec.string, "6c6f006578747261")).toBe("lo");
  expect(read(codec.string, "")).toBe("");
  expect(read(codec.string, hexOf(codec.string, "größe→"))).toBe("größe→");
  expect(() => hexOf(codec.string, "a\0b")).toThrow(RangeError);
});

test("a hardware address has any length, and reads in lower case", () => {
  expect(hexOf(codec.mac, "02:AB:00:00:0f:ff")).toBe("02ab00000fff");
  expect(read(codec.mac, "02ab00000fff")).toBe("02:ab:00:00:0f:ff");
  expect(read(codec.mac, "")).toBe("");
});

describe("what is no hardware address is refused", () => {
  for (const text of [
    "2:0",
    "02",
    "0",
    "02:",
    "02:0",
    "02-ab",
    "02:0g",
    "02::ab",
    ":02",
    "0x:01",
  ]) {
    const valid = text === "02";
    test(`"${text}"${valid ? " is one byte long, and fine" : ""}`, () => {
      if (valid) expect(hexOf(codec.mac, text)).toBe("02");
      else expect(() => hexOf(codec.mac, text)).toThrow(RangeError);
    });
  }
});

test("an address has 4 or 16 bytes, nothing else", () => {
  expect(read(codec.ip, "0a010001")).toBe("10.1.0.1");
  expect(read(codec.ip, "20010db8000000000000000000000001")).toBe("2001:db8::1");
  for (const hex of ["", "0a0100", "0a01000101"]) {
    expect(() => read(codec.ip, hex)).toThrow(DecodeError);
  }
});

test("a number without a name reads as itself and can be written back", () => {
  const scope = codec.oneOf({ global: 0, link: 253 }, codec.u8);
  expect([hexOf(scope, "link"), hexOf(scope, 200)]).toEqual(["fd", "c8"]);
  expect([read(scope, "fd"), read(scope, "c8")]).toEqual(["link", 200]);
  expect(() => hexOf(scope, "toString" as "link")).toThrow(RangeError);
});

test("absent fields of a struct are zeros of their own size", () => {
  const of = codec.struct({ a: codec.u8, b: codec.u16be, c: codec.u64, d: codec.u32 });
  const out = new Writer();
  of.write(out, { b: 1 });
  expect(out.bytes.toHex()).toBe("000001000000000000000000000000");
  expect(out.length).toBe(of.size);
});

const table = {
  mtu: [4, codec.u32],
  kind: [0x12, codec.attrs({ name: [1, codec.string] })],
  up: [5, codec.flag],
} as const;

test("attributes are padded to four bytes, and nests are marked", () => {
  expect(hexOf(codec.attrs(table), { mtu: 1500, kind: { name: "br" }, up: true })).toBe(
    "08000400dc050000" + "0c0012800700010062720000" + "04000500",
  );
});

test("unknown attributes are skipped, and of repeated ones the last counts", () => {
  const hex = "05006300ff000000" + "08000400dc050000" + "0800040078050000";
  expect(read(codec.attrs(table), hex)).toEqual({ mtu: 1400 });
});

test("the flags of an attribute's type do not hide it", () => {
  expect(read(codec.attrs(table), "08000440dc050000")).toEqual({ mtu: 1500 });
});

describe("lengths that cannot be are refused", () => {
  const cases: [string, string][] = [
    ["shorter than its own header", "0300040000000000"],
    ["longer than the message", "09000400dc050000"],
    ["a value shorter than its type", "06000400dc050000"],
    ["inside a nest longer than the nest", "0c0012800900010062720000"],
  ];
  for (const [name, hex] of cases) {
    test(name, () => expect(() => read(codec.attrs(table), hex)).toThrow(DecodeError));
  }
});

test("a list of equal attributes keeps their order, and skips others", () => {
  const list = codec.listOf(1, codec.u32);
  expect(read(list, hexOf(list, [3, 1, 2]))).toEqual([3, 1, 2]);
  expect(read(list, `0800020009000000${hexOf(list, [7])}`)).toEqual([7]);
});

test("an attribute too long for its length field is refused", () => {
  const out = new Writer();
  expect(() => writeAttr(out, 1, codec.binary, new Uint8Array(65532))).toThrow(RangeError);
  writeAttr(new Writer(), 1, codec.binary, new Uint8Array(65531));
});
