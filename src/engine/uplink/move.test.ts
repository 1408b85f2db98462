/** The order and the tolerance of the requests that move what a link carries. */
import { describe, expect, test } from "bun:test";
import type { AddressInfo } from "../../kernel/netlink/address.ts";
import type { RouteInfo } from "../../kernel/netlink/route-info.ts";
import { type Carried, nothingCarried } from "./carried.ts";
import { connectedRemovals, earlyAdditions, lateAdditions, type Move, removals } from "./move.ts";

const [from, to] = [
  { index: 3, name: "eth1" },
  { index: 9, name: "lan0" },
];

const address = (text: string): AddressInfo => ({
  index: 3,
  address: text,
  family: text.includes(":") ? 10 : 2,
  scopeId: 0,
  noPrefixRoute: false,
  managesTemporary: false,
  joinsGroup: false,
  secondary: false,
  flags: 0x80,
  permanent: true,
  tentative: false,
  dadFailed: false,
  optimistic: false,
  dad: true,
});

const route = (dst: string, more: Partial<RouteInfo> = {}): RouteInfo => ({
  family: dst.includes(":") ? 10 : 2,
  dst,
  table: 254,
  type: "unicast",
  protocol: 4,
  scopeId: 0,
  oif: 3,
  onlink: false,
  tos: 0,
  ...more,
});

const move = (carried: Partial<Carried>): Move => ({
  carried: { ...nothingCarried, ...carried },
  from,
  to,
});

const words = (requests: readonly { op: string }[]) => requests.map(({ op }) => op);

describe("a move", () => {
  test("adds addresses in the order in which they were added, and takes them backwards", () => {
    const listed = ["10.0.0.1/24", "10.0.0.2/24", "fd00::2/64", "fd00::1/64"].map(address);
    expect(words(earlyAdditions(move({ addresses: listed })))).toEqual([
      "add address 10.0.0.1/24 to link 9",
      "add address 10.0.0.2/24 to link 9",
      "add address fd00::1/64 to link 9",
      "add address fd00::2/64 to link 9",
    ]);
    expect(words(removals(move({ addresses: listed }))).slice(-2)).toEqual([
      "remove address 10.0.0.2/24 from link 3",
      "remove address 10.0.0.1/24 from link 3",
    ]);
  });

  test("adds what a gateway is reached by before what it leads to, IPv6's gateways last", () => {
    const routes = [
      route("0.0.0.0/0", { gateway: "10.7.0.1" }),
      route("10.7.0.0/24"),
      route("::/0", { gateway: "fd00::1" }),
      route("fd07::/64"),
    ];
    expect(words(earlyAdditions(move({ routes })))).toEqual([
      "append route 10.7.0.0/24 on link 9",
      "append route fd07::/64 on link 9",
      "append route 0.0.0.0/0 via 10.7.0.1 on link 9",
    ]);
    expect(words(lateAdditions(move({ routes })))).toEqual([
      "append route ::/0 via fd00::1 on link 9",
    ]);
  });

  test("takes of an IPv6 route with several ways those over the link", () => {
    const nextHops = [
      { oif: 3, gateway: "fd00::1", weight: 1, onlink: false },
      { oif: 5, gateway: "fd05::1", weight: 1, onlink: false },
    ];
    const routes = [route("::/0", { oif: undefined, nextHops })];
    expect(words(lateAdditions(move({ routes })))).toEqual([
      "append route ::/0 via fd00::1 on link 9",
    ]);
    expect(words(removals(move({ routes })))).toEqual(["remove route ::/0 via fd00::1 on link 3"]);
  });

  test("is content with what an earlier try added", () => {
    const all = { addresses: [address("10.0.0.1/24")], routes: [route("10.7.0.0/24")] };
    for (const { tolerate } of earlyAdditions(move(all))) expect(tolerate).toContain("EEXIST");
  });

  test("knows the routes that the kernel made for its addresses from others", () => {
    const kernel = { protocol: 2 } as const;
    const listed = [
      route("10.0.0.0/24", kernel),
      route("10.9.0.0/24", kernel),
      route("10.0.0.0/24", { ...kernel, oif: 5 }),
      route("10.0.0.1/32", { ...kernel, type: "local", table: 255 }),
    ];
    const connected = connectedRemovals(move({ addresses: [address("10.0.0.1/24")] }), listed);
    expect(words(connected)).toEqual(["remove route 10.0.0.0/24 on link 3"]);
  });
});
