/** Frames of IPv6: what a client hears of servers, of neighbours, of routers. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { icmpFrame, readFrame, splitFrames } from "./frame.ts";
import {
  claimedAddress,
  duplicateProbe,
  readRouterAdvertisement,
  routerSolicitation,
  solicitedNodeGroup,
} from "./neighbours.ts";
import { claimFrame, clientMac, otherMac, routerFrame, serverFrame } from "./server-fixture.ts";

const icmp = (frame: Uint8Array) => {
  const received = readFrame(frame);
  if (received?.kind !== "icmp") throw new Error("not ICMPv6");
  return received;
};

describe("datagrams", () => {
  test("a server's is read, whether its sum is whole or left to hardware", () => {
    const frame = serverFrame(Uint8Array.of(7, 1, 2, 3));
    const payload = Uint8Array.of(7, 1, 2, 3);
    expect(readFrame(frame)).toEqual({ kind: "datagram", from: "fe80::99", payload });
    // The sum of what stands in the field for it, and of the rest.
    const whole = frame.slice();
    let sum = 0;
    for (let i = 54; i < whole.length; i += 2) sum += (whole[i]! << 8) | (whole[i + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    whole.set([(~sum >>> 8) & 0xff, ~sum & 0xff], 60);
    expect(readFrame(whole)).toEqual({ kind: "datagram", from: "fe80::99", payload });
  });

  const passedOver: [string, (frame: Uint8Array) => Uint8Array][] = [
    ["for another port", () => serverFrame(Uint8Array.of(1), 547)],
    ["with a bit turned", (frame) => frame.with(frame.length - 1, 9).fill(0x12, 60, 61)],
    ["of IPv4", (frame) => frame.with(12, 8).with(13, 0)],
    ["of another protocol", (frame) => frame.with(20, 6)],
    ["with an extension header", (frame) => frame.with(20, 0)],
    ["cut short", (frame) => frame.subarray(0, frame.length - 1)],
    ["that tells of more than there is", (frame) => frame.with(18, 1)],
    ["whose lengths are at odds", (frame) => frame.with(59, 9)],
    ["without a sum", (frame) => frame.fill(0, 60, 62)],
  ];
  for (const [name, change] of passedOver) {
    test(`one ${name} is passed over`, () => {
      const frame = serverFrame(Uint8Array.of(7, 1, 2, 3));
      expect(readFrame(frame)).toBeDefined();
      expect(readFrame(change(frame))).toBeUndefined();
    });
  }

  test("no bytes hurt", () => {
    const start = serverFrame(new Uint8Array(0)).subarray(0, 54);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, isSixth) => {
        const frame = Uint8Array.of(...(isSixth ? start : []), ...noise);
        const received = readFrame(frame);
        if (received?.kind === "icmp") readRouterAdvertisement(received);
        for (const each of splitFrames(frame)) readFrame(each);
      }),
    );
  });

  test("frames that were joined come apart", () => {
    const frames = [serverFrame(new Uint8Array(9)), routerFrame(), serverFrame(new Uint8Array(0))];
    const joined = Uint8Array.from(frames.flatMap((each) => [...each]));
    expect([...splitFrames(joined)]).toEqual(frames);
    expect([...splitFrames(joined.subarray(0, joined.length - 1))]).toEqual(frames.slice(0, 2));
  });
});

describe("neighbours", () => {
  test("a probe is written as RFC 4862 wants it", () => {
    const frame = duplicateProbe(clientMac, "2001:db8::12:3456");
    expect(solicitedNodeGroup("2001:db8::12:3456")).toBe("ff02::1:ff12:3456");
    expect(frame.subarray(0, 22).toHex()).toBe(
      `3333ff123456${"020000000001"}86dd${"60000000"}00183aff`,
    );
    expect(frame.subarray(22, 38)).toEqual(new Uint8Array(16));
    expect(frame.subarray(54, 56).toHex()).toBe("8700");
    expect(frame.length).toBe(78);
    expect(icmp(frame).from).toBe("::");
  });

  test("who has an address, or is about to, claims it; who asks for it does not", () => {
    const address = "2001:db8::50";
    expect(claimedAddress(icmp(claimFrame(address)), clientMac)).toBe(address);
    expect(claimedAddress(icmp(duplicateProbe(otherMac, address)), clientMac)).toBe(address);
    expect(claimedAddress(icmp(duplicateProbe(clientMac, address)), clientMac)).toBeUndefined();
    const { message } = icmp(duplicateProbe(otherMac, address));
    const asking = icmpFrame({
      mac: otherMac,
      from: "fe80::7",
      group: "ff02::1",
      message: message.slice().fill(0, 2, 4),
    });
    expect(claimedAddress(icmp(asking), clientMac)).toBeUndefined();
  });

  test("what came over a router is no neighbour's word", () => {
    const far = claimFrame("2001:db8::50");
    far[21] = 254;
    expect(readFrame(far)).toBeUndefined();
    expect(readFrame(claimFrame("2001:db8::50").with(70, 1))).toBeUndefined();
  });
});

describe("routers", () => {
  const told = (announced: Parameters<typeof routerFrame>[0] = {}) =>
    readRouterAdvertisement(icmp(routerFrame(announced)));

  test("a router is asked for from no address", () => {
    const frame = routerSolicitation(clientMac);
    expect(frame.subarray(0, 6).toHex()).toBe("333300000002");
    expect(icmp(frame)).toMatchObject({ from: "::", mac: clientMac });
    expect(frame.subarray(54, 56).toHex()).toBe("8500");
  });

  test("what it tells is read", () => {
    const zeros = [0, 0, 0, 0, 0, 0, 0, 0];
    const more = [
      ...[5, 1, 0, 0, 0, 0, 0x05, 0x78],
      ...[24, 2, 48, 0x08, 0, 0, 1, 0, 0x20, 1, 0x0d, 0xb8, 0, 7, 0, 0],
      ...[25, 3, 0, 0, 0, 0, 1, 0, 0x20, 1, 0x0d, 0xb8, ...zeros, 0, 0, 0, 0x53],
      ...[31, 2, 0, 0, 0, 0, 1, 0, 1, 97, 1, 98, 0, 0, 0, 0],
      ...[200, 1, 1, 2, 3, 4, 5, 6],
    ];
    expect(told({ flags: 0x18, more })).toEqual({
      router: "fe80::1",
      isDefault: true,
      preference: -1,
      onLink: [{ address: "2001:db8::", length: 64 }],
      routes: [{ address: "2001:db8:7::", length: 48, preference: 1 }],
      mtu: 1400,
      nameservers: ["2001:db8::53"],
      search: ["a.b"],
    });
  });

  test("what has no time left, or is not on the link, does not count", () => {
    expect(told({ lifetime: 0, onLink: false })).toMatchObject({ isDefault: false, onLink: [] });
    const ended = [
      ...[24, 2, 48, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 7, 0, 0],
      ...[31, 2, 0, 0, 0, 0, 0, 0, 1, 97, 1, 98, 0, 0, 0, 0],
      ...[5, 1, 0, 0, 0, 0, 0x04, 0xff],
    ];
    expect(told({ more: ended })).toMatchObject({ routes: [], search: [] });
    expect(told({ more: ended })?.mtu).toBeUndefined();
  });

  test("one that is not on the link, or whose options make no sense, is no router", () => {
    expect(told({ router: "2001:db8::1" })).toBeUndefined();
    expect(told({ more: [5, 0, 0, 0, 0, 0, 0, 0] })).toBeUndefined();
    expect(told({ more: [5, 9, 0, 0, 0, 0, 0, 0] })).toBeUndefined();
    expect(readRouterAdvertisement(icmp(claimFrame("fe80::1")))).toBeUndefined();
  });
});
