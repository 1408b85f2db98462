/** Addresses: what is read, what is refused, and how they are written. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import * as oracle from "ip-bigint";
import {
  AddressError,
  bytesOfIp,
  bytesToIp,
  canonicalIp,
  compareIp,
  equalIp,
  type Family,
  formatIp,
  ipFromBytes,
  ipToBytes,
  isIp,
  parseIp,
  unmapped,
} from "./ip.ts";

/** Bytes with many zeros and 0xff, where text forms differ. */
const octet = fc.oneof(fc.constant(0), fc.constant(255), fc.integer({ min: 0, max: 255 }));
const bytes4 = fc.array(octet, { minLength: 4, maxLength: 4 }).map((b) => Uint8Array.from(b));
const bytes16 = fc.array(octet, { minLength: 16, maxLength: 16 }).map((b) => Uint8Array.from(b));
const anyBytes = fc.oneof(bytes4, bytes16);
const familyOf = (bytes: Uint8Array): Family => (bytes.length === 4 ? 4 : 6);

const groups = (...values: number[]) => {
  const bytes = new Uint8Array(16);
  values.forEach((value, i) => {
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 255;
  });
  return bytes;
};

describe("reading", () => {
  const good: [string, Uint8Array][] = [
    ["0.0.0.0", Uint8Array.of(0, 0, 0, 0)],
    ["255.255.255.255", Uint8Array.of(255, 255, 255, 255)],
    ["10.1.0.5", Uint8Array.of(10, 1, 0, 5)],
    ["::", groups()],
    ["::1", groups(0, 0, 0, 0, 0, 0, 0, 1)],
    ["1::", groups(1)],
    ["fe80::1", groups(0xfe80, 0, 0, 0, 0, 0, 0, 1)],
    ["2001:DB8::Ab", groups(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xab)],
    ["1:2:3:4:5:6:7:8", groups(1, 2, 3, 4, 5, 6, 7, 8)],
    ["1:2:3:4:5:6:7::", groups(1, 2, 3, 4, 5, 6, 7, 0)],
    ["::2:3:4:5:6:7:8", groups(0, 2, 3, 4, 5, 6, 7, 8)],
    ["0001:0:0:0:0:0:0:0000", groups(1)],
    ["::ffff:10.1.0.5", groups(0, 0, 0, 0, 0, 0xffff, 0x0a01, 5)],
    ["1:2:3:4:5:6:255.0.0.1", groups(1, 2, 3, 4, 5, 6, 0xff00, 1)],
    ["64:ff9b::10.1.0.5", groups(0x64, 0xff9b, 0, 0, 0, 0, 0x0a01, 5)],
    ["::0.0.0.0", groups()],
  ];
  test.each(good)("%s gives its bytes", (text, bytes) => {
    expect(ipToBytes(text)).toEqual(bytes);
    expect(isIp(text)).toBe(true);
  });

  const bad = [
    ...[
      "",
      " ",
      ".",
      ":",
      "...",
      "10.1.0",
      "10.1",
      "167837701",
      "10.1.0.5.6",
      "10.1.0.",
      ".10.1.0",
    ],
    ...["10..0.5", "10.1.0.256", "10.1.0.999999999999", "010.1.0.5", "10.01.0.5", "10.1.0.00"],
    ...[
      "0x0a.1.0.5",
      "10.1.0.5 ",
      " 10.1.0.5",
      "10.1.0.5\n",
      "10.1.0.-5",
      "10.1.0.+5",
      "10.1.0.5/24",
    ],
    ...["10.1.0.٥", "１０.1.0.5", "10.1.0.5\0", "10,1,0,5", "localhost", "a.b.c.d", "1e1.0.0.0"],
    ...[":::", ":1", "1:", "1:2", "1::2::3", "1:::2", "12345::", "g::", "1:2:3:4:5:6:7:8:9"],
    ...["1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1:2:3:4:5:6:7"],
    ...["fe80::1%eth0", "fe80::1%", "[::1]", "::1/64", "::1 ", " ::1", "::ffff:010.1.0.5"],
    ...["::10.1.0", "::10.1.0.5.6", "10.1.0.5::", "::10.1.0.5:1", "1:2:3:4:5:6:7:10.1.0.5"],
    ...["1:2:3:4:5:6::10.1.0.5", "::.1.0.5", "::1.2.3.400", "::a.1.0.5", "::0x1", "::-1", "::+1"],
  ];
  test.each(bad)("%j is refused with an AddressError that quotes it", (text) => {
    expect(() => ipToBytes(text)).toThrow(AddressError);
    expect(() => ipToBytes(text)).toThrow(`"${text}" is not an IP address`);
    expect(isIp(text)).toBe(false);
  });

  test("accepts of arbitrary short texts only what the oracle accepts", () => {
    const letters = fc.constantFrom(..."0123459af:::..");
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 18 }), (parts) => {
        const text = parts.join("");
        if (!isIp(text)) return;
        expect(oracle.ipVersion(text)).not.toBe(0);
        expect(parseIp(text).value).toBe(oracle.parseIp(text).number);
      }),
      { numRuns: 20_000 },
    );
  });

  test("accepts every text of an address that shortens or pads its groups", () => {
    const padding = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(bytes16, padding, fc.boolean(), (bytes, widths, upper) => {
        const text = widths
          .map((width, i) =>
            ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16).padStart(width, "0"),
          )
          .join(":");
        expect(ipToBytes(upper ? text.toUpperCase() : text)).toEqual(bytes);
      }),
    );
  });
});

describe("writing", () => {
  // RFC 5952, sections 4.1 to 4.3 and 5.
  const canonical: [string, string][] = [
    ["10.1.0.5", "10.1.0.5"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::ABCD", "2001:db8::abcd"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"],
    ["0:0:1:0:0:0:0:0", "0:0:1::"],
    ["::ffff:a01:5", "::ffff:10.1.0.5"],
    ["::10.1.0.5", "::a01:5"],
    ["64:ff9b::10.1.0.5", "64:ff9b::a01:5"],
  ];
  test.each(canonical)("%s is written %s", (text, expected) => {
    expect(canonicalIp(text)).toBe(expected);
    expect(canonicalIp(expected)).toBe(expected);
  });

  test("agrees with the oracle on every address, and is read back", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const { family, value } = ipFromBytes(bytes);
        const text = bytesToIp(bytes);
        // The oracle writes ::ffff:0.0.255.0 in hexadecimal unless told what it is.
        const ipv4mapped = family === 6 && value >> 32n === 0xffffn;
        const parsed = { number: value, version: family, ...(ipv4mapped ? { ipv4mapped } : {}) };
        expect(text).toBe(oracle.normalizeIp(oracle.stringifyIp(parsed)));
        expect(ipToBytes(text)).toEqual(bytes);
        expect(oracle.parseIp(text).number).toBe(value);
        expect(oracle.ipVersion(text)).toBe(familyOf(bytes));
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([0, 1, 3, 5, 15, 17])("%d bytes are no address", (length) => {
    expect(() => bytesToIp(new Uint8Array(length))).toThrow(AddressError);
  });
});

describe("numbers", () => {
  test("bytes and number convert both ways", () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(bytesOfIp(ipFromBytes(bytes))).toEqual(bytes);
        expect(formatIp(ipFromBytes(bytes))).toBe(bytesToIp(bytes));
      }),
    );
  });

  test("an IPv4-mapped address is unmapped to IPv4, and no other address changes", () => {
    expect(unmapped(parseIp("::ffff:10.1.0.5"))).toEqual(parseIp("10.1.0.5"));
    for (const text of ["::10.1.0.5", "10.1.0.5", "::1", "1::ffff:10.1.0.5", "::fffe:10.1.0.5"]) {
      expect(unmapped(parseIp(text))).toEqual(parseIp(text));
    }
  });

  test("addresses are ordered by family, then by number", () => {
    const sorted = ["0.0.0.1", "9.0.0.0", "10.0.0.0", "::", "::1", "2::"].map(parseIp);
    for (const [i, a] of sorted.entries()) {
      for (const [j, b] of sorted.entries()) {
        expect(Math.sign(compareIp(a, b))).toBe(Math.sign(i - j));
        expect(equalIp(a, b)).toBe(i === j);
      }
    }
  });
});
