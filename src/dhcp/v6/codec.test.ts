/** DHCPv6 messages and options: what is written, what is read, what is refused. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DecodeError } from "../../lib/bytes.ts";
import { bytesToIp } from "../../lib/ip.ts";
import { decodeMessage, encodeMessage, type Message, messageTypes } from "./message.ts";
import { type OptionName, option, optionTable, readAll, readOption } from "./options.ts";
import { optionsOf, type Said } from "./server-fixture.ts";

const options = fc.array(
  fc.tuple(fc.nat(0xffff), fc.uint8Array({ maxLength: 300 })) as fc.Arbitrary<[number, Uint8Array]>,
  { maxLength: 8 },
);
const message: fc.Arbitrary<Message> = fc.record({
  type: fc.constantFrom(...(Object.keys(messageTypes) as (keyof typeof messageTypes)[])),
  transactionId: fc.nat(0xffffff),
  options,
});

describe("messages", () => {
  test("any is read as it was written", () => {
    fc.assert(
      fc.property(message, (each) => expect(decodeMessage(encodeMessage(each))).toEqual(each)),
    );
  });

  test("a Solicit of RFC 8415's form is written byte for byte", () => {
    const address = { address: "2001:db8::1", preferred: 5, valid: 6, options: [] };
    const bytes = encodeMessage({
      type: "SOLICIT",
      transactionId: 0xabcdef,
      options: [
        option("clientId", Uint8Array.of(0, 4, 9)),
        option("iaNa", { iaid: 7, t1: 1, t2: 2, options: [option("iaAddress", address)] }),
        option("elapsedTime", 0x1234),
        option("optionRequest", [23, 24]),
        option("rapidCommit", true),
      ],
    });
    const ia = `${"00000007"}${"00000001"}${"00000002"}`;
    const inner = `${"00050018"}20010db8000000000000000000000001${"00000005"}${"00000006"}`;
    expect(bytes.toHex()).toBe(
      `01abcdef${"00010003"}000409${"00030028"}${ia}${inner}${"00080002"}1234${"00060004"}00170018${"000e0000"}`,
    );
  });

  test("noise is refused with its place, or is a message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), message, fc.nat(900), (noise, each, cut) => {
        for (const bytes of [noise, encodeMessage(each).subarray(0, cut)]) {
          try {
            decodeMessage(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        }
      }),
    );
  });

  const refused: [string, number[]][] = [
    ["nothing", []],
    ["half a header", [7, 0, 0]],
    ["a Reconfigure, for which we share no secret", [10, 0, 0, 1]],
    ["a relay's message", [12, 0, 0, 1]],
    ["an option without its length", [7, 0, 0, 1, 0, 1]],
    ["an option longer than the message", [7, 0, 0, 1, 0, 1, 0, 9, 1]],
  ];
  for (const [name, bytes] of refused) {
    test(`${name} is refused`, () => {
      expect(() => decodeMessage(Uint8Array.from(bytes))).toThrow(DecodeError);
    });
  }

  test("a transaction of more than 24 bits is not written", () => {
    const large = { type: "SOLICIT", transactionId: 2 ** 24, options: [] } as const;
    expect(() => encodeMessage(large)).toThrow(RangeError);
  });
});

const values: Said = {
  clientId: Uint8Array.of(0, 4, 1, 2, 3),
  serverId: Uint8Array.of(0, 3, 9),
  iaNa: {
    iaid: 0xfffffffe,
    t1: 0xffffffff,
    t2: 0,
    options: [
      option("status", { code: 2, message: "none left" }),
      option("iaAddress", { address: "2001:db8::1", preferred: 1, valid: 2, options: [] }),
    ],
  },
  iaAddress: {
    address: "2001:db8::2",
    preferred: 0,
    valid: 0xffffffff,
    options: [option("status", { code: 0, message: "" })],
  },
  optionRequest: [23, 24, 82],
  preference: 255,
  elapsedTime: 0xffff,
  unicast: "2001:db8::547",
  status: { code: 65535, message: "näh" },
  rapidCommit: true,
  userClass: [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2, 3)],
  vendorClass: { enterprise: 0xffffffff, data: [Uint8Array.of(97), Uint8Array.of(98, 99)] },
  nameservers: ["2001:db8::53", "fe80::53"],
  domainSearch: ["example.org", "a_1.b-2.example.net"],
  clientFqdn: { flags: 1, name: "blue.example.org" },
  solMaxRt: 60,
};

describe("options", () => {
  for (const name of Object.keys(optionTable) as OptionName[]) {
    test(`${name} is read as it was written`, () => {
      expect(readOption(optionsOf(values), name)).toEqual(values[name] as never);
    });
  }

  test("any bytes of any known option are a value, or none", () => {
    const names = Object.keys(optionTable) as OptionName[];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.uint8Array({ maxLength: 300 }), (name, bytes) => {
        readOption([[optionTable[name][0], bytes]], name);
      }),
      { numRuns: 2000 },
    );
  });

  test("of several the ones that make sense are read, in their order", () => {
    const bad: [number, Uint8Array] = [5, Uint8Array.of(1, 2)];
    const good = ["2001:db8::1", "2001:db8::2"].map((address) =>
      option("iaAddress", { address, preferred: 1, valid: 1, options: [] }),
    );
    const found = readAll([good[0]!, bad, good[1]!], "iaAddress");
    expect(found.map(({ address }) => address)).toEqual(["2001:db8::1", "2001:db8::2"]);
  });

  test("any list of addresses survives", () => {
    const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytesToIp);
    fc.assert(
      fc.property(fc.array(address, { maxLength: 9 }), (list) => {
        expect(readOption([option("nameservers", list)], "nameservers")).toEqual(list);
      }),
    );
  });
});

describe("names", () => {
  const read = (...bytes: number[]) =>
    readOption([[optionTable.domainSearch[0], Uint8Array.from(bytes)]], "domainSearch");

  test("a name that would be two lines of a resolver's file is left out", () => {
    expect(read(3, 97, 10, 98, 0, 1, 99, 0)).toEqual(["c"]);
    expect(read(3, 97, 32, 98, 0)).toEqual([]);
    expect(read(3, 97, 46, 98, 0)).toEqual([]);
    expect(read(0, 0, 1, 99, 0)).toEqual(["c"]);
  });

  test("pointers, which DHCPv6 does not have, and labels cut short are refused", () => {
    expect(read(0xc0, 0)).toBeUndefined();
    expect(read(5, 97)).toBeUndefined();
    expect(read(...new Array(300).fill(1))).toBeUndefined();
  });

  test("a client's name of one label has no end, so that the server completes it", () => {
    expect(option("clientFqdn", { flags: 1, name: "blue" })[1].toHex()).toBe("0104626c7565");
    expect(option("clientFqdn", { flags: 0, name: "a.b" })[1].toHex()).toBe("000161016200");
  });

  test("what is no name is not written", () => {
    for (const name of ["", "a b", "a..b", `${"a".repeat(64)}.org`, "ab.".repeat(100)]) {
      expect(() => option("domainSearch", [name])).toThrow(RangeError);
    }
  });
});
