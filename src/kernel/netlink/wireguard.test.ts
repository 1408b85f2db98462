/** Messages of WireGuard, byte for byte as the kernel's header says, and their division. */
import { describe, expect, test } from "bun:test";
import { Writer } from "../../lib/bytes.ts";
import type { WireguardChange } from "../../model/wireguard.ts";
import { decode, encode, messages } from "./message.ts";
import { readWireguard, setWireguard, wireguardLayout } from "./wireguard.ts";

const key = (byte: number) => Buffer.alloc(32, byte).toString("base64");
const keyHex = (byte: number) => byte.toString(16).padStart(2, "0").repeat(32);

/** An attribute of the kernel's: length, type, value, padding. */
function attribute(type: number, ...parts: string[]): string {
  const value = parts.join("");
  const length = (4 + value.length / 2).toString(16).padStart(4, "0");
  const typeHex = type.toString(16).padStart(4, "0");
  const swapped = (hex: string) => hex.slice(2) + hex.slice(0, 2);
  return swapped(length) + swapped(typeHex) + value + "00".repeat(-(value.length / 2) & 3);
}

const nested = 0x8000;
const name = attribute(2, Buffer.from("wg0\0").toString("hex"));
const prefix4 = (last: string, length: string) =>
  attribute(nested, attribute(1, "0200"), attribute(2, `0a00${last}00`), attribute(3, length));

function message(...parts: string[]): string {
  const body = `00010000${parts.join("")}`;
  const length = (16 + body.length / 2).toString(16).padStart(4, "0");
  return `${length.slice(2)}${length.slice(0, 2)}0000${"1c00"}0200${"07000000"}00000000${body}`;
}

const read = (...hex: string[]) => readWireguard(messages(Uint8Array.fromHex(hex.join(""))));

const encoded = (change: WireguardChange) =>
  setWireguard(28, "wg0", change).map((item) => {
    const out = new Writer();
    encode(out, item, 0, 7);
    return out.bytes;
  });

describe("what the kernel tells of a link", () => {
  const own = [attribute(6, "6cca"), attribute(7, "00000000")];
  const handshake = attribute(6, "e803000000000000", "80b2e60e00000000");
  const peer = (byte: number, ...rest: string[]) =>
    attribute(nested, attribute(1, keyHex(byte)), ...rest);
  const traffic = [attribute(7, "0900000000000000"), attribute(8, "0500000000000000")];

  test("is whole where peers and their prefixes go on in the next message", () => {
    const first = peer(
      1,
      attribute(4, "0a00ca6c0000000020010db800000000000000000000000700000000"),
      attribute(5, "1900"),
      handshake,
      ...traffic,
      attribute(nested + 9, prefix4("01", "18"), prefix4("02", "18")),
    );
    const rest = peer(1, attribute(nested + 9, prefix4("03", "18")));
    const second = peer(2, attribute(nested + 9, prefix4("04", "20")));
    expect(
      read(
        message(name, ...own, attribute(3, keyHex(9)), attribute(nested + 8, first)),
        message(name, attribute(nested + 8, rest, second)),
      ),
    ).toEqual({
      privateKey: key(9),
      publicKey: undefined,
      listenPort: 51820,
      fwmark: undefined,
      peers: [
        {
          publicKey: key(1),
          endpoint: { address: "2001:db8::7", port: 51820 },
          keepaliveS: 25,
          lastHandshakeMs: 1_000_250,
          rxBytes: 9n,
          txBytes: 5n,
          allowedIps: ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"],
        },
        {
          publicKey: key(2),
          endpoint: undefined,
          keepaliveS: undefined,
          lastHandshakeMs: undefined,
          rxBytes: 0n,
          txBytes: 0n,
          allowedIps: ["10.0.4.0/32"],
        },
      ],
    });
  });

  test("is a link without keys and peers where it is fresh", () => {
    expect(read(message(name, ...own))).toMatchObject({ listenPort: 51820, peers: [] });
  });
});

describe("what a link is told", () => {
  test("is what the kernel's header lays out", () => {
    const endpoint = { address: "192.0.2.7", port: 51820 };
    const [bytes] = encoded({
      privateKey: key(9),
      listenPort: 51820,
      peers: [
        { publicKey: key(1), endpoint, allowedIps: ["10.0.1.0/24"], replacesAllowedIps: true },
        { publicKey: key(2), remove: true },
      ],
    });
    const sent = [
      name,
      attribute(3, keyHex(9)),
      attribute(6, "6cca"),
      attribute(
        nested + 8,
        attribute(
          nested,
          attribute(1, keyHex(1)),
          attribute(3, "02000000"),
          attribute(4, "0200ca6cc00002070000000000000000"),
          attribute(nested + 9, prefix4("01", "18")),
        ),
        attribute(nested, attribute(1, keyHex(2)), attribute(3, "01000000")),
      ),
    ].join("");
    expect(bytes!.subarray(16).toHex()).toBe(`01010000${sent}`);
  });

  test("takes as many messages as it needs, of which one clears a peer's prefixes", () => {
    const many = Array.from({ length: 3000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);
    const peers = [
      { publicKey: key(1), allowedIps: many, replacesAllowedIps: true as const },
      ...Array.from({ length: 600 }, (_, i) => ({
        publicKey: Buffer.alloc(32, `peer ${i}`).toString("base64"),
        keepaliveS: 25,
      })),
    ];
    const all = encoded({ listenPort: 1, peers }).map((bytes) => {
      expect(bytes.length).toBeLessThan(64 * 1024);
      return decode(messages(bytes)[0]!, wireguardLayout).attrs;
    });
    expect(all.length).toBeGreaterThan(2);
    expect(all.filter(({ listenPort }) => listenPort === 1)).toHaveLength(1);
    const told = all.flatMap(({ peers = [] }) => peers);
    const first = told.filter(({ publicKey }) => publicKey === key(1));
    expect(first.map(({ flags }) => flags ?? 0).filter((flags) => flags === 2)).toHaveLength(1);
    expect(first[0]!.flags).toBe(2);
    expect(first.flatMap(({ allowedIps = [] }) => allowedIps)).toHaveLength(3000);
    expect(new Set(told.map(({ publicKey }) => publicKey)).size).toBe(601);
  });

  test.each(["", "AAAA", `${key(1)}=`, key(1).replace("AQ", "A*")])("is no key %p", (text) => {
    expect(() => encoded({ privateKey: text, peers: [] })).toThrow("must be base64 of 32 bytes");
  });
});
