/** Buckets empty and fill again, each caller's its own. */
import { expect, test } from "bun:test";
import { HoldLimit, peerOf, RateLimit } from "./limits.ts";

test("a burst passes, then as many as time lets through", () => {
  let now = 0;
  const limit = new RateLimit({ perSecond: 2, burst: 3 }, () => now);
  expect([1, 2, 3, 4].map(() => limit.take("a"))).toEqual([0, 0, 0, 1]);
  expect(limit.take("b")).toBe(0);
  now = 500;
  expect([limit.take("a"), limit.take("a")]).toEqual([0, 1]);
  now = 60_000;
  expect([1, 2, 3, 4].map(() => limit.take("a"))).toEqual([0, 0, 0, 1]);
});

test("who must wait longer is told so in whole seconds", () => {
  const limit = new RateLimit({ perSecond: 0.25, burst: 1 }, () => 0);
  expect([limit.take("a"), limit.take("a")]).toEqual([0, 4]);
});

test("no more is remembered of callers than has room", () => {
  const limit = new RateLimit({ perSecond: 1, burst: 1 }, () => 0);
  limit.take("first");
  for (let i = 0; i < 10_000; i++) limit.take(`caller ${i}`);
  expect(limit.take("caller 9999")).toBe(1);
  expect(limit.take("first")).toBe(0);
});

test("held things count until they are released", () => {
  const limit = new HoldLimit(2);
  expect([limit.take("a"), limit.take("a"), limit.take("a"), limit.take("b")]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  limit.release("a");
  expect([limit.take("a"), limit.take("a")]).toEqual([true, false]);
});

test("a peer is an address, or a network of IPv6", () => {
  const peers = [
    "10.0.0.1",
    "::ffff:10.0.0.1",
    "2001:db8::1",
    "2001:db8::2:3",
    "fe80::1%eth0",
    "x",
  ];
  expect(peers.map(peerOf)).toEqual([
    "10.0.0.1",
    "10.0.0.1",
    "2001:db8::/64",
    "2001:db8::/64",
    "fe80::/64",
    "x",
  ]);
});
