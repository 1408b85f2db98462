/** Messages and acknowledgements: how they are joined, split and explained. */
import { describe, expect, test } from "bun:test";
import { DecodeError, Writer } from "../../lib/bytes.ts";
import { encode, errorOf, messages, type Request } from "./message.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const payload = (bytes: number[]): Request => ({
  op: "test",
  type: 20,
  flags: 0x600,
  write: (out) => out.raw(Uint8Array.from(bytes)),
});

test("requests are joined at multiples of four bytes, and split again", () => {
  const out = new Writer();
  encode(out, payload([1, 2, 3]), 0x600, 7);
  encode(out, payload([]), 4, 8);
  expect(out.bytes.toHex()).toBe(
    `${"13000000"}${"1400"}${"0106"}${"07000000"}${"00000000"}${"01020300"}` +
      `${"10000000"}${"1400"}${"0500"}${"08000000"}${"00000000"}`,
  );
  const [first, second, ...more] = messages(out.bytes);
  expect(more).toEqual([]);
  expect([first!.type, first!.flags, first!.seq, first!.body.left]).toEqual([20, 0x601, 7, 3]);
  expect([second!.seq, second!.body.left]).toEqual([8, 0]);
});

describe("a buffer that is no row of messages is refused", () => {
  const cases: [string, string][] = [
    ["ends in a header", "10000000 1400 0000 01000000 000000"],
    ["a message longer than the buffer", "20000000 1400 0000 01000000 00000000 00000000"],
    ["a message of length zero, which would never end", "00000000 1400 0000 01000000 00000000"],
    ["a message shorter than its header", "0f000000 1400 0000 01000000 00000000"],
    ["a message of four gigabytes", "ffffffff 1400 0000 01000000 00000000"],
    ["a second one cut off", "10000000 1400 0000 01000000 00000000 10000000"],
  ];
  for (const [name, text] of cases) {
    test(name, () => expect(() => messages(hex(text))).toThrow(DecodeError));
  }
});

/** One NLMSG_ERROR with these flags, errno, and what follows the errno. */
function acknowledgement(flags: number, errno: number, rest: string) {
  const out = new Writer();
  out.zeros(4);
  out.u16(2);
  out.u16(flags);
  out.zeros(8);
  out.i32(-errno);
  out.raw(hex(rest));
  out.patchU32(0, out.length);
  return messages(out.bytes)[0]!;
}

const request = "13000000 1400 0506 07000000 00000000";
const wholeRequest = `${request} 01020300`;
const explanation = "0f000100 6e6f20737563 6820787800 00 08000200 14000000";

describe("an acknowledgement", () => {
  test("of success is no error", () => {
    expect(errorOf(acknowledgement(0x100, 0, request), "x")).toBeUndefined();
  });
  test("names the errno when the kernel says no more", () => {
    expect(errorOf(acknowledgement(0x100, 17, request), 'create link "eth0"')).toMatchObject({
      message: 'Cannot create link "eth0": EEXIST',
      code: "EEXIST",
      errno: 17,
      extack: undefined,
      offset: undefined,
    });
  });
  test("carries the kernel's own words and the offset, behind a request cut to its header", () => {
    const error = errorOf(acknowledgement(0x300, 22, `${request} ${explanation}`), "set it");
    expect(error).toMatchObject({ extack: "no such xx", offset: 20, code: "EINVAL" });
    expect(error!.message).toBe("Cannot set it: no such xx (EINVAL)");
  });
  test("carries them behind the whole request too", () => {
    const error = errorOf(acknowledgement(0x200, 22, `${wholeRequest} ${explanation}`), "set it");
    expect(error).toMatchObject({ extack: "no such xx", offset: 20 });
  });
  test("with an errno that has no name tells its number", () => {
    expect(errorOf(acknowledgement(0x100, 524, request), "do it")!.message).toContain("524");
  });
  test("that lies about the request's length is refused or read, but ends", () => {
    const lying = `ffffffff ${request.slice(9)} ${explanation}`;
    expect(errorOf(acknowledgement(0x200, 22, lying), "set it")!.code).toBe("EINVAL");
  });
});
