/** ASN.1's distinguished encoding, as far as certificates need it. Source: ITU-T X.690. */

const tags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A value with its tag and length. */
export function tagged(tag: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...parts: readonly Uint8Array[]) =>
  tagged(tags.sequence, Buffer.concat(parts));
export const set = (...parts: readonly Uint8Array[]) => tagged(tags.set, Buffer.concat(parts));
export const octets = (content: Uint8Array) => tagged(tags.octetString, content);
export const utf8 = (text: string) => tagged(tags.utf8String, Buffer.from(text));
export const yes = Buffer.from([0x01, 0x01, 0xff]);

/** A number that is not negative, from its big-endian bytes. */
export function integer(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const isNegative = (digits[0] ?? 0) >= 0x80;
  return tagged(tags.integer, isNegative ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

/** Bits, the last `unused` of which don't count. */
export const bits = (content: Uint8Array, unused = 0) =>
  tagged(tags.bitString, Buffer.concat([Buffer.from([unused]), content]));

/** `1.2.840.10045.4.3.2`. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((number) => {
    const digits = [number % 128];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | (left % 128));
    }
    return digits;
  });
  return tagged(tags.objectIdentifier, Buffer.from(bytes));
}

/** Whole seconds; up to 2049 in the short form, as RFC 5280 (4.1.2.5) asks. */
export function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return date.getUTCFullYear() < 2050
    ? tagged(tags.utcTime, Buffer.from(`${digits.slice(2)}Z`))
    : tagged(tags.generalizedTime, Buffer.from(`${digits}Z`));
}
