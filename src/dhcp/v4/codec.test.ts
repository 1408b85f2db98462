/** DHCPv4 on the wire: what is written is read back, and nothing that is read hurts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DecodeError, Reader, Writer } from "../../lib/bytes.ts";
import { bytesToMac } from "../formats.ts";
import { type DhcpMessage, decodeMessage, encodeMessage } from "./message.ts";
import {
  messageTypes,
  type OptionName,
  optionBytes,
  readOption,
  readOptions,
  writeOptions,
} from "./options.ts";
import { optionsOf, type Said } from "./server-fixture.ts";
import { classlessRoutes, domainList } from "./values.ts";

const octet = fc.nat(255);
const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(bytesToMac);
const u32 = fc.nat(0xffffffff);
const options = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 600 })), {
    maxLength: 8,
  })
  .map((list) => new Map(list.filter(([code]) => code !== 52 && code !== 53)));

const message: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom("request", "reply"),
  type: fc.constantFrom(...(Object.keys(messageTypes) as (keyof typeof messageTypes)[])),
  xid: u32,
  secs: fc.nat(0xffff),
  broadcast: fc.boolean(),
  ciaddr: address,
  yiaddr: address,
  giaddr: address,
  chaddr: mac,
  options,
});

describe("messages", () => {
  test("any is read as it was written", () => {
    fc.assert(
      fc.property(message, (each) => {
        const bytes = encodeMessage(each);
        expect(bytes.length).toBeGreaterThanOrEqual(300);
        expect(decodeMessage(bytes)).toEqual(each);
      }),
    );
  });

  test("one of RFC 2131's form is written byte for byte", () => {
    const bytes = encodeMessage({
      op: "request",
      type: "DISCOVER",
      xid: 0x01020304,
      secs: 5,
      broadcast: true,
      ciaddr: "0.0.0.0",
      yiaddr: "0.0.0.0",
      giaddr: "0.0.0.0",
      chaddr: "02:00:5e:00:53:01",
      options: new Map([[61, Uint8Array.of(0, 97)]]),
    });
    const hex = bytes.toHex();
    expect(hex.slice(0, 24)).toBe("010106000102030400058000");
    expect(hex.slice(56, 88)).toBe("02005e00530100000000000000000000");
    expect(hex.slice(472, 472 + 24)).toBe("638253633501013d020061ff");
  });

  test("noise is refused with its place, or is a message", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 700 }), message, fc.nat(900), (noise, each, cut) => {
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

  const plain = encodeMessage({
    op: "reply",
    type: "ACK",
    xid: 7,
    secs: 0,
    broadcast: false,
    ciaddr: "0.0.0.0",
    yiaddr: "10.0.0.9",
    giaddr: "0.0.0.0",
    chaddr: "02:00:5e:00:53:01",
    options: new Map(),
  });
  /** A message with these bytes as options, and in the fields that option 52 may open. */
  const withFields = (list: number[], file: number[] = [], sname: number[] = []) => {
    const bytes = new Uint8Array(240 + list.length);
    bytes.set(plain.subarray(0, 240));
    bytes.set(sname, 44);
    bytes.set(file, 108);
    bytes.set(list, 240);
    return bytes;
  };

  test("option 52 opens the file's and the server's name for options", () => {
    const ofServer = [54, 4, 10, 0, 0, 1, 255];
    const ofMask = [1, 4, 255, 255, 0, 0, 255];
    for (const [overload, seen] of [
      [1, [54]],
      [2, [1]],
      [3, [54, 1]],
      [4, []],
    ] as const) {
      const list = [53, 1, 5, 52, 1, overload, 255];
      const { options } = decodeMessage(withFields(list, ofServer, ofMask));
      expect([...options.keys()]).toEqual([...seen]);
    }
  });

  test("option 52 inside what it opens leads nowhere", () => {
    const nested = [52, 1, 3, 54, 4, 10, 0, 0, 1, 255];
    const { options } = decodeMessage(withFields([53, 1, 5, 52, 1, 1, 255], nested, [1, 4, 1]));
    expect([...options.keys()]).toEqual([54]);
  });

  test("an option that is cut short ends the list, and what came before counts", () => {
    const { options, type } = decodeMessage(withFields([53, 1, 5, 54, 4, 10, 0, 0, 1, 1, 200, 1]));
    expect(type).toBe("ACK");
    expect([...options.keys()]).toEqual([54]);
  });

  const refused: [string, Uint8Array][] = [
    ["nothing", new Uint8Array(0)],
    ["BOOTP, which has no cookie", withFields([53, 1, 5, 255]).fill(0, 236, 240)],
    ["no message type", withFields([54, 4, 10, 0, 0, 1, 255])],
    ["an unknown message type", withFields([53, 1, 99, 255])],
    ["a message type of no bytes", withFields([53, 0, 255])],
    ["an address of another length", withFields([53, 1, 5, 255]).fill(16, 2, 3)],
    ["another hardware", withFields([53, 1, 5, 255]).fill(32, 1, 2)],
  ];
  for (const [name, bytes] of refused) {
    test(`${name} is refused`, () => {
      expect(() => decodeMessage(bytes)).toThrow(DecodeError);
    });
  }
});

describe("options", () => {
  test("the pieces of one are one value, whichever other stands between", () => {
    const into = new Map<number, Uint8Array>();
    expect(readOptions(Uint8Array.of(6, 2, 1, 2, 0, 3, 1, 9, 6, 1, 3, 255, 6, 1, 4), into)).toBe(
      true,
    );
    expect(into.get(6)).toEqual(Uint8Array.of(1, 2, 3));
    expect(into.get(3)).toEqual(Uint8Array.of(9));
  });

  test("any are read as they were written", () => {
    fc.assert(
      fc.property(options, (list) => {
        const out = new Writer();
        writeOptions(out, list);
        const into = new Map<number, Uint8Array>();
        expect(readOptions(out.bytes, into)).toBe(true);
        expect(into).toEqual(list);
      }),
    );
  });

  const values: Said = {
    subnetMask: "255.255.254.0",
    routers: ["10.0.0.1", "10.0.0.2"],
    nameservers: ["10.0.0.3"],
    hostName: "blue",
    domain: "example.org",
    mtu: 1400,
    requestedIp: "10.0.0.4",
    leaseSeconds: 0xffffffff,
    messageType: "NAK",
    message: "näh",
    clientId: Uint8Array.of(0, 1, 2),
    domainSearch: ["example.org", "a.b.example.net"],
    staticRoutes: [
      { dst: "10.0.0.0/8", router: "10.1.0.1" },
      { dst: "172.16.0.0/16", router: "10.1.0.2" },
      { dst: "192.0.2.0/24", router: "10.1.0.3" },
    ],
    classlessRoutes: [
      { dst: "0.0.0.0/0", router: "10.0.0.1" },
      { dst: "10.17.0.0/16", router: "0.0.0.0" },
      { dst: "192.0.2.128/25", router: "10.0.0.2" },
      { dst: "192.0.2.1/32", router: "10.0.0.2" },
    ],
  };
  for (const name of Object.keys(values) as OptionName[]) {
    test(`${name} is read as it was written`, () => {
      expect(readOption(optionsOf(values), name)).toEqual(values[name] as never);
    });
  }

  test("any bytes of any known option are a value, or none", () => {
    const names = Object.keys(values) as OptionName[];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.uint8Array({ maxLength: 300 }), (name, bytes) => {
        const [code] = optionBytes(name, values[name]!);
        readOption(new Map([[code, bytes]]), name);
      }),
      { numRuns: 1000 },
    );
  });

  test("classless routes are masked, as RFC 3442 asks", () => {
    const bytes = Uint8Array.of(20, 10, 1, 0xff, 10, 0, 0, 1);
    expect(classlessRoutes.read(new Reader(bytes))).toEqual([
      { dst: "10.1.240.0/20", router: "10.0.0.1" },
    ]);
    expect(() =>
      classlessRoutes.read(new Reader(Uint8Array.of(33, 1, 2, 3, 4, 5, 6, 7, 8, 9))),
    ).toThrow(DecodeError);
  });

  test("names may share their ends by pointers, which lead back only", () => {
    const shared = [3, 111, 114, 103, 0, 1, 97, 0xc0, 0];
    expect(domainList.read(new Reader(Uint8Array.from(shared)))).toEqual(["org", "a.org"]);
    for (const bad of [
      [0xc0, 0],
      [1, 97, 0xc0, 0],
      [0xc0, 5],
      [1, 97, 0xc0, 2],
      [5, 97],
      [0xc0],
      [64, 1],
    ]) {
      expect(() => domainList.read(new Reader(Uint8Array.from(bad)))).toThrow(DecodeError);
    }
  });
});
