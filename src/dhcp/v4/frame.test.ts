/** Frames of DHCP and ARP: checksums, and what is passed over. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { bytesToMac } from "../formats.ts";
import {
  type ArpPacket,
  arpFrame,
  dhcpFrame,
  readArpFrame,
  readDhcpFrame,
  splitFrames,
} from "./frame.ts";
import { serverFrame } from "./server-fixture.ts";

const octet = fc.nat(255);
const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(bytesToMac);

describe("frames", () => {
  test("a client's checksums are right, by a second way of adding them up", () => {
    const words = (bytes: Uint8Array) => {
      let total = 0n;
      const even = bytes.length % 2 === 0 ? bytes : Uint8Array.of(...bytes, 0);
      for (let i = 0; i < even.length; i += 2) total += BigInt(even[i]! * 256 + even[i + 1]!);
      return Number(total % 0xffffn);
    };
    fc.assert(
      fc.property(mac, fc.uint8Array({ maxLength: 700 }), (from, payload) => {
        const frame = dhcpFrame(from, payload);
        expect(words(frame.subarray(14, 34))).toBe(0);
        const pseudo = Uint8Array.of(...frame.subarray(26, 34), 0, 17, ...frame.subarray(38, 40));
        expect(words(Uint8Array.of(...pseudo, ...frame.subarray(34)))).toBe(0);
        expect(frame.subarray(0, 12).toHex()).toBe(`ffffffffffff${from.replaceAll(":", "")}`);
      }),
    );
  });

  const payload = Uint8Array.from({ length: 301 }, (_, i) => i);
  /** From a server, with the checksum as `checksum` makes it of the right one. */
  const received = (checksum: (whole: number, pseudo: number) => number) => {
    const frame = serverFrame(payload);
    const sum = (bytes: Uint8Array, start: number) => {
      let total = start;
      for (let i = 0; i < bytes.length; i += 2) total += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      return total;
    };
    const pseudo = sum(frame.subarray(26, 34), 17 + frame.length - 34);
    const value = checksum(~sum(frame.subarray(34), pseudo) & 0xffff, pseudo);
    frame.set([value >>> 8, value & 0xff], 40);
    return frame;
  };

  test("a server's datagram is read with a right checksum, without, and with one left to hardware", () => {
    for (const checksum of [
      (whole: number) => whole,
      () => 0,
      (_: number, pseudo: number) => pseudo,
    ]) {
      expect(readDhcpFrame(received(checksum))).toEqual({ from: "10.0.0.1", payload });
    }
    expect(readDhcpFrame(received((whole) => whole ^ 1))).toBeUndefined();
  });

  const spoilt: [string, (frame: Uint8Array) => void][] = [
    ["a wrong header checksum", (frame) => frame.fill(1, 24, 25)],
    ["another protocol", (frame) => frame.fill(6, 23, 24)],
    ["another port", (frame) => frame.fill(69, 37, 38)],
    ["a fragment", (frame) => frame.fill(0x20, 20, 21)],
    ["a length beyond its end", (frame) => frame.fill(0xff, 16, 17)],
    ["a datagram longer than its packet", (frame) => frame.fill(0xff, 38, 39)],
    ["a header of no length", (frame) => frame.fill(0x40, 14, 15)],
    ["version 6", (frame) => frame.fill(0x65, 14, 15)],
  ];
  for (const [name, spoil] of spoilt) {
    test(`${name} is passed over`, () => {
      const frame = serverFrame(payload);
      expect(readDhcpFrame(frame)).toBeDefined();
      spoil(frame);
      expect(readDhcpFrame(frame)).toBeUndefined();
    });
  }

  test("ARP is read as it was written, and noise is passed over", () => {
    const packet: fc.Arbitrary<ArpPacket> = fc.record({
      op: fc.constantFrom("request", "reply"),
      senderMac: mac,
      senderIp: address,
      targetIp: address,
    });
    fc.assert(
      fc.property(packet, fc.uint8Array({ maxLength: 60 }), (each, noise) => {
        expect(readArpFrame(arpFrame(each))).toEqual(each);
        readArpFrame(noise);
        readDhcpFrame(noise);
      }),
    );
  });

  test("frames that lie one after the other are told apart; a cut one ends them", () => {
    const arp = arpFrame({
      op: "reply",
      senderMac: "02:00:00:00:00:01",
      senderIp: "10.0.0.1",
      targetIp: "10.0.0.2",
    });
    const frames = [serverFrame(payload), arp, serverFrame(Uint8Array.of(1))];
    const all = Uint8Array.from(frames.flatMap((frame) => [...frame]));
    expect([...splitFrames(all)]).toEqual(frames);
    expect([...splitFrames(all.subarray(0, -1))]).toEqual(frames.slice(0, 2));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const frame of splitFrames(noise)) expect(frame.length).toBeGreaterThan(14);
      }),
    );
  });
});
