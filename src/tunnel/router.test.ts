/** Routing of packets, against a plain search through all prefixes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ipFromBytes, ipToBytes } from "../lib/ip.ts";
import { containsIp, parsePrefix } from "../lib/prefix.ts";
import { Router, type TunnelPeer, tunnelMtu } from "./router.ts";

const peer = (...prefixes: string[]): TunnelPeer => ({
  endpoint: { address: "192.0.2.1", port: 4790 },
  prefixes,
});

/** A packet's header behind `at` other bytes. */
function packet(from: string, to: string, at = 0): Uint8Array {
  const [source, destination] = [ipToBytes(from), ipToBytes(to)];
  const isIpv4 = source.length === 4;
  const bytes = new Uint8Array(at + (isIpv4 ? 20 : 40));
  bytes[at] = isIpv4 ? 0x45 : 0x60;
  bytes.set(source, at + (isIpv4 ? 12 : 8));
  bytes.set(destination, at + (isIpv4 ? 16 : 24));
  return bytes;
}

describe("a router", () => {
  const router = new Router([
    peer("10.0.0.0/8", "fd00::/16"),
    peer("10.1.0.0/16", "fd00:1::/32", "192.0.2.1/32"),
    peer("10.1.2.0/26", "fd00:1::5/128", "10.0.0.0/8"),
  ]);
  const cases: [from: string, to: string, peerFrom: number, peerTo: number][] = [
    ["10.9.9.9", "10.1.9.9", 0, 1],
    ["10.1.2.63", "10.1.2.64", 2, 1],
    ["192.0.2.1", "192.0.2.2", 1, -1],
    ["255.255.255.255", "0.0.0.0", -1, -1],
    ["fd00:1::5", "fd00:1::4", 2, 1],
    ["fd00:ffff::", "fe80::1", 0, -1],
  ];
  test.each(cases)(
    "finds who has %s and %s by the longest prefix",
    (from, to, sender, receiver) => {
      const bytes = packet(from, to, 7);
      const length = bytes.length - 7;
      const found = [router.peerFrom(bytes, 7, length), router.peerTo(bytes, 7, length)];
      expect(found).toEqual([sender, receiver]);
    },
  );
  test("knows nobody for what is cut short or no IP packet", () => {
    const [v4, v6] = [packet("10.1.0.1", "10.1.0.2"), packet("fd00::1", "fd00::2")];
    for (const bytes of [v4, v6]) {
      for (let length = 0; length < bytes.length; length++) {
        expect(router.peerTo(bytes, 0, length)).toBe(-1);
      }
    }
    v4[0] = 0x55;
    expect(router.peerTo(v4, 0, v4.length)).toBe(-1);
  });
  test("knows everybody's default, and nobody without peers", () => {
    const bytes = packet("10.1.0.1", "203.0.113.1");
    expect(new Router([peer("0.0.0.0/0")]).peerTo(bytes, 0, 20)).toBe(0);
    expect(new Router([]).peerTo(bytes, 0, 20)).toBe(-1);
  });
  test("finds what a search through all prefixes finds", () => {
    // Few different bytes, so that prefixes meet.
    const byte = fc.constantFrom(0, 1, 127, 128, 255);
    const ip = fc.oneof(
      fc.array(byte, { minLength: 4, maxLength: 4 }),
      fc.array(byte, { minLength: 16, maxLength: 16 }),
    );
    const prefix = fc
      .tuple(ip, fc.nat(128))
      .map(([bytes, n]) => ({ bytes, length: n % (8 * bytes.length + 1) }));
    const text = (bytes: number[]) =>
      bytes.length === 4
        ? bytes.join(".")
        : new Uint8Array(bytes).toHex().match(/.{4}/g)!.join(":");
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 30 }), ip, (prefixes, address) => {
        const texts = prefixes.map(({ bytes, length }) => `${text(bytes)}/${length}`);
        const peers = texts.map((one) => peer(one));
        const target = ipFromBytes(new Uint8Array(address));
        let best = -1;
        for (const [at, { length }] of prefixes.entries()) {
          if (!containsIp(parsePrefix(texts[at]!), target)) continue;
          if (best < 0 || length > prefixes[best]!.length) best = at;
        }
        const bytes = packet(text(address), text(address));
        expect(new Router(peers).peerTo(bytes, 0, bytes.length)).toBe(best);
      }),
      { numRuns: 3000 },
    );
  });
});

test("a tunnel's MTU is the underlay's less IP and UDP", () => {
  expect([tunnelMtu(1500, 4), tunnelMtu(1500, 6)]).toEqual([1472, 1452]);
});
