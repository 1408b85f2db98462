/** Tests how values from JSON are checked. */
import { describe, expect, test } from "bun:test";
import {
  dictionaryOf,
  filledText,
  flag,
  integer,
  ipAddress,
  ipPrefix,
  listOf,
  macAddress,
  object,
  oneOf,
  optional,
  type Parser,
  text,
  unlessEmpty,
  withDefault,
} from "./parse.ts";

const accepted: [string, Parser<unknown>, unknown, unknown][] = [
  ["text", text, "", ""],
  ["filled text", filledText, "x", "x"],
  ["a flag", flag, false, false],
  ["the smallest integer", integer(1, 5), 1, 1],
  ["the largest integer", integer(1, 5), 5, 5],
  ["an integer written as 3.0", integer(1, 5), JSON.parse("3.0"), 3],
  ["a choice", oneOf("tcp", "udp"), "udp", "udp"],
  ["null for an optional", optional(text), null, undefined],
  ["empty text for what may be empty", unlessEmpty(ipAddress), "", undefined],
  ["null for a default", withDefault(flag, true), null, true],
  ["false against a default", withDefault(flag, true), false, false],
  ["an absent list", listOf(text), undefined, []],
  ["a null list, as Go writes an empty one", listOf(text), null, []],
  ["a list", listOf(integer(0, 9)), [1, 2], [1, 2]],
  ["a dictionary", dictionaryOf(flag), { a: true }, { a: true }],
  ["an address, made canonical", ipAddress, "FD00:0::5", "fd00::5"],
  ["a prefix with host bits", ipPrefix, "10.1.0.5/24", "10.1.0.5/24"],
  ["the shortest prefix", ipPrefix, "0.0.0.0/0", "0.0.0.0/0"],
  ["the longest prefix", ipPrefix, "::1/128", "::1/128"],
  ["a MAC with colons", macAddress, "02:AB:00:00:00:01", "02:ab:00:00:00:01"],
  ["a MAC with hyphens", macAddress, "02-ab-00-00-00-01", "02:ab:00:00:00:01"],
  ["a MAC with dots", macAddress, "02ab.0000.0001", "02:ab:00:00:00:01"],
];

const refused: [string, Parser<unknown>, unknown, string][] = [
  ["a number for text", text, 5, "f: must be a string, not 5"],
  ["nothing for text", text, undefined, "f: missing, must be a string"],
  ["null for text", text, null, "f: missing, must be a string"],
  ["empty text where it must be filled", filledText, "", 'f: must be a non-empty string, not ""'],
  ['"true" for a flag', flag, "true", 'f: must be true or false, not "true"'],
  ["a fraction", integer(0, 9), 1.5, "f: must be a whole number from 0 to 9, not 1.5"],
  ["too large a number", integer(0, 9), 10, "f: must be a whole number from 0 to 9, not 10"],
  ["a number as text", integer(0, 9), "1", 'f: must be a whole number from 0 to 9, not "1"'],
  ["a huge number", integer(0, 9), 1e300, "f: must be a whole number from 0 to 9, not 1e+300"],
  ["no choice", oneOf("a", "b"), "c", 'f: must be one of "a", "b", not "c"'],
  ["an object for a list", listOf(text), {}, "f: must be a list, not {}"],
  ["a wrong item", listOf(text), ["a", 1], "f[1]: must be a string, not 1"],
  ["null in a list", listOf(text), ["a", null], "f[1]: missing, must be a string"],
  ["a wrong entry", dictionaryOf(flag), { a: 1 }, "f.a: must be true or false, not 1"],
  ["a list for an object", object({}), [], "f: must be an object, not []"],
  ["octets with leading zeros", ipAddress, "010.1.0.5", "010.1.0.5"],
  ["a prefix for an address", ipAddress, "10.1.0.0/24", "10.1.0.0/24"],
  ["an address for a prefix", ipPrefix, "10.1.0.5", "10.1.0.5"],
  ["too long a prefix", ipPrefix, "10.1.0.5/33", "10.1.0.5/33"],
  ["a prefix length with a sign", ipPrefix, "10.1.0.5/+8", "10.1.0.5/+8"],
  ["a netmask", ipPrefix, "10.1.0.5/255.0.0.0", "10.1.0.5/255.0.0.0"],
  ["a group address", macAddress, "01:00:5e:00:00:01", "01:00:5e:00:00:01"],
  ["the MAC of zeros", macAddress, "00:00:00:00:00:00", "00:00:00:00:00:00"],
  ["a short MAC", macAddress, "02:00:00:00:00", "02:00:00:00:00"],
];

describe("a parser", () => {
  for (const [name, parser, input, output] of accepted) {
    test(`accepts ${name}`, () => expect(parser(input, "f")).toEqual(output));
  }
  for (const [name, parser, input, message] of refused) {
    test(`refuses ${name}`, () => expect(() => parser(input, "f")).toThrow(message));
  }
});

describe("an object's parser", () => {
  const fields = object({ mtu: optional(integer(0, 9)), isGateway: withDefault(flag, false) });

  test("passes over keys that it does not know", () => {
    expect(fields({ mtu: 5, extra: 1 }, "")).toEqual({ mtu: 5, isGateway: false });
  });

  test("knows a key in any case, as Go's encoding/json does", () => {
    expect(fields({ MTU: 5, isgateway: true }, "")).toEqual({ mtu: 5, isGateway: true });
  });

  test("prefers the key in its own case, wherever it stands", () => {
    expect(fields({ mtu: 1, MTU: 2 }, "").mtu).toBe(1);
    expect(fields({ MTU: 2, mtu: 1 }, "").mtu).toBe(1);
  });

  test("names the path of a wrong field", () => {
    const outer = object({ ipam: object({ ranges: listOf(listOf(fields)) }) });
    expect(() => outer({ ipam: { ranges: [[{}, { mtu: 10 }]] } }, "")).toThrow(
      "ipam.ranges[0][1].mtu: must be a whole number from 0 to 9, not 10",
    );
  });

  test("takes no field from the prototype", () => {
    const named = object({ constructor: optional(text) });
    expect(named({}, "")).toEqual({ constructor: undefined } as never);
  });

  test("shortens a long value in its message", () => {
    const long = "x".repeat(500);
    expect(() => flag(long, "f")).toThrow(/^f: must be true or false, not "x{56}…$/);
  });
});
