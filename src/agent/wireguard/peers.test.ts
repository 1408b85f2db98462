/** Who is a peer of the host's tunnel, by which way, and who is not. */
import { describe, expect, test } from "bun:test";
import { isIp, parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import { peersOf, type Wanted } from "./peers.ts";
import { tunnelAddressOf, tunnelPrefix } from "./tunnel-address.ts";

const at = (...addresses: string[]) =>
  addresses.map((address) => ({ address, prefixLength: 64, mtu: 1500 }));
const both = at("192.0.2.1", "2001:db8::1");
const want = (needs: Record<string, string[]>, protocols: Record<string, "ipv4" | "ipv6"> = {}) =>
  ({
    needs: new Map(Object.entries(needs)),
    protocols: new Map(Object.entries(protocols)),
  }) satisfies Wanted;
const b = { underlay: at("192.0.2.2", "2001:db8::2"), publicKey: "B" };
const of = (wants: readonly Wanted[], peer: object | undefined = b, underlay = both) =>
  peersOf({ wants, underlay, peers: new Map(peer ? [["b", { ...b, ...peer }]] : []) });

describe("a host's address in its tunnel", () => {
  test("is of the tunnels' prefix, the same each time, another host's another", () => {
    const names = ["a", "b", "host-1", "x".repeat(63)];
    const addresses = names.map(tunnelAddressOf);
    expect(addresses).toEqual(names.map(tunnelAddressOf));
    expect(new Set(addresses).size).toBe(names.length);
    for (const address of addresses) {
      expect(isIp(address)).toBe(true);
      expect(containsIp(parsePrefix(tunnelPrefix), parseIp(address))).toBe(true);
    }
    // Hosts of different releases must agree.
    expect(tunnelAddressOf("a")).toBe("fd6e:6574:6c6f:6f6d:8e49:1d52:8708:9a1e");
  });
});

describe("a peer of the tunnel", () => {
  test("has its tunnel's address, and what all users want behind it, once", () => {
    const { peers, missing } = of([want({ b: [] }), want({ b: ["10.1.0.0/24"] })]);
    expect(missing.size).toBe(0);
    expect(peers).toEqual([
      {
        publicKey: "B",
        endpoint: { address: "192.0.2.2", port: 51820 },
        keepaliveS: 25,
        allowedIps: [`${tunnelAddressOf("b")}/128`, "10.1.0.0/24"],
      },
    ]);
  });

  const endpoints: readonly [string, Wanted[], object, typeof both, string][] = [
    ["IPv4 first", [want({ b: [] })], {}, both, "192.0.2.2"],
    [
      "IPv6 where it has no other",
      [want({ b: [] })],
      { underlay: at("2001:db8::2") },
      both,
      "2001:db8::2",
    ],
    ["IPv6 where this host has no other", [want({ b: [] })], {}, at("2001:db8::1"), "2001:db8::2"],
    ["IPv6 where that is asked for", [want({ b: [] }, { b: "ipv6" })], {}, both, "2001:db8::2"],
    [
      "IPv4 where one user asks for either",
      [want({ b: [] }, { b: "ipv6" }), want({ b: [] }, { b: "ipv4" })],
      {},
      both,
      "192.0.2.2",
    ],
  ];
  test.each(endpoints)("is reached by %s", (_, wants, peer, underlay, address) => {
    expect(of(wants, peer, underlay).peers[0]!.endpoint!.address).toBe(address);
  });

  const missing: readonly [string, object | undefined, Wanted, typeof both, string][] = [
    [
      "has told of no key",
      { publicKey: undefined },
      want({ b: [] }),
      both,
      "its WireGuard key is not",
    ],
    [
      "has no address of the family that is asked for",
      { underlay: at("192.0.2.2") },
      want({ b: [] }, { b: "ipv6" }),
      both,
      "it has no IPv6 address",
    ],
    [
      "is out of reach by the family that is asked for",
      {},
      want({ b: [] }, { b: "ipv6" }),
      at("192.0.2.1"),
      "this host has no IPv6 address",
    ],
  ];
  test.each(missing)("is none while it %s", (_, peer, wanted, underlay, why) => {
    const found = of([wanted], peer, underlay);
    expect(found.peers).toEqual([]);
    expect(found.missing.get("b")).toStartWith(why);
  });

  test("is none while nothing is known of it", () => {
    const found = peersOf({ wants: [want({ b: [] })], underlay: both, peers: new Map() });
    expect(found.missing.get("b")).toBe("nothing is known yet of how it is reached");
  });
});
