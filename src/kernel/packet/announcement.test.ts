/** Announcements, byte by byte. */
import { expect, test } from "bun:test";
import { announcement } from "./announcement.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("IPv4 is announced by a gratuitous ARP request", () => {
  expect(hex(announcement("02:00:00:00:00:09", "192.0.2.9"))).toBe(
    "ffffffffffff" +
      "020000000009" +
      "0806" +
      "0001080006040001" +
      "020000000009" +
      "c0000209" +
      "000000000000" +
      "c0000209",
  );
});

test("IPv6 is announced by an advertisement whose checksum is right", () => {
  const frame = announcement("02:00:00:00:00:09", "2001:db8::9");
  expect(hex(frame.subarray(0, 14))).toBe("333300000001" + "020000000009" + "86dd");
  expect(hex(frame.subarray(54, 58)).slice(0, 4)).toBe("8800");
  // Over pseudo header and message the one's complement sum is all ones.
  const counted = [...frame.subarray(22, 54), 0, frame.length - 54, 0, 58, ...frame.subarray(54)];
  let sum = 0;
  for (let i = 0; i < counted.length; i += 2) sum += counted[i]! * 256 + counted[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  expect(sum).toBe(0xffff);
});
