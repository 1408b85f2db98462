/** What the `dhcp` plugin's configuration asks of DHCPv6, which the reference's does not have. */
import { Writer } from "../lib/bytes.ts";
import { ConfigError } from "../model/config-error.ts";
import type { DhcpOption, DhcpWishes } from "../model/dhcp.ts";
import {
  flag,
  listOf,
  object,
  type Parser,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";

/** How an option's value is made of text. Throws ConfigError. */
type Encode = (value: string, path: string) => Uint8Array;

/** Names as dhcp-options(5) has them, without its `dhcp6.`. */
const optionNumbers: Readonly<Record<string, number>> = {
  "user-class": 15,
  "vendor-class": 16,
  "name-servers": 23,
  "domain-search": 24,
  fqdn: 39,
};

/** What becomes part of the result. */
const requestedByDefault = [23, 24];

const rapidCommit: DhcpOption = { code: 14, value: "" };

/** What makes a message what it is, which no configuration may change. */
const reserved: Readonly<Record<number, string>> = {
  1: "names the client, by container, network and link",
  2: "names the server",
  3: "asks for addresses",
  4: "asks for addresses of another kind",
  5: "is part of what asks for addresses",
  6: 'lists what is requested: use "request"',
  8: "tells how long the client has been asking",
  14: 'is asked for by "rapidCommit": true',
  25: "asks for prefixes",
};

const bytesOf = (value: string) => new TextEncoder().encode(value);

/** A list of one piece: RFC 8415 section 21.15. */
const userClass: Encode = (value) => {
  const out = new Writer();
  out.u16be(bytesOf(value).length);
  out.raw(bytesOf(value));
  return out.bytes.slice();
};

/** RFC 8415 section 21.16 wants the maker's number with what the maker calls the device. */
const vendorClass: Encode = (value, path) => {
  const [, number, name] = /^(\d{1,10}):(.+)$/s.exec(value) ?? [];
  if (number === undefined || Number(number) > 0xffffffff) {
    throw new ConfigError(
      `${path}.value`,
      `"${value}" is no vendor class: the maker's number at IANA, ":" and a name, "311:MSFT 5.0"`,
    );
  }
  const out = new Writer();
  out.u32be(Number(number));
  out.raw(userClass(name!, path));
  return out.bytes.slice();
};

const serverUpdatesDns = 1;

/** Source: RFC 4704 section 4. One without a dot is completed by the server. */
const fqdn: Encode = (value, path) => {
  const labels = value.replace(/\.$/, "").split(".");
  const isName = labels.every((label) => /^[\w-]{1,63}$/.test(label)) && value.length < 254;
  if (!isName) throw new ConfigError(`${path}.value`, `"${value}" is no domain name`);
  const out = new Writer();
  out.u8(serverUpdatesDns);
  for (const label of labels) {
    out.u8(label.length);
    out.raw(bytesOf(label));
  }
  if (value.includes(".")) out.u8(0);
  return out.bytes.slice();
};

const encodings: Readonly<Record<number, Encode>> = { 15: userClass, 16: vendorClass, 39: fqdn };

/** A name, or a number, also one written as text. */
const optionNumber: Parser<number> = (value, path) => {
  const name = typeof value === "number" ? String(value) : text(value, path);
  if (Object.hasOwn(optionNumbers, name)) return optionNumbers[name]!;
  const number = /^\d{1,5}$/.test(name) ? Number(name) : 0;
  if (number > 0 && number <= 0xffff) return number;
  const names = Object.keys(optionNumbers).join(", ");
  throw new ConfigError(
    path,
    `"${name}" is no option of DHCPv6: a number from 1 to 65535, or ${names}`,
  );
};

const document = object({
  rapidCommit: withDefault(flag, false),
  provide: listOf(
    object({
      option: optionNumber,
      value: withDefault(text, ""),
      fromArg: withDefault(text, ""),
    }),
  ),
  request: listOf(
    object({ skipDefault: withDefault(flag, false), option: unlessEmpty(optionNumber) }),
  ),
});

const longestOption = 255;

/**
 * Checks `ipam.ipv6`: `true`, or what is asked for and told. `argOf` gives what the caller named
 * in `fromArg`. Undefined: no IPv6 is asked for. Throws ConfigError.
 */
export function parseSixth(
  value: unknown,
  argOf: (name: string) => string | undefined,
): DhcpWishes | undefined {
  if (value === undefined || value === null || value === false) return undefined;
  const path = "ipam.ipv6";
  const given = document(value === true ? {} : value, path);
  const provide = given.provide.flatMap((entry, i): DhcpOption[] => {
    const place = `${path}.provide[${i}]`;
    const { option } = entry;
    if (reserved[option]) {
      throw new ConfigError(`${place}.option`, `${option} ${reserved[option]}: leave it out`);
    }
    const told = argOf(entry.fromArg) ?? entry.value;
    if (told === "") return [];
    const bytes = (encodings[option] ?? bytesOf)(told, place);
    if (bytes.length <= longestOption) return [{ code: option, value: bytes.toHex() }];
    throw new ConfigError(place, `gives a value of ${bytes.length} bytes: ${longestOption} fit`);
  });
  const asked = given.request.flatMap(({ option }) => (option ? [option] : []));
  const skips = given.request.some(({ skipDefault }) => skipDefault);
  return {
    request: [...new Set([...asked, ...(skips ? [] : requestedByDefault)])],
    provide: [...provide, ...(given.rapidCommit ? [rapidCommit] : [])],
  };
}
