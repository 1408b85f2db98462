/** The way before, until BGP has learnt another. */
import { expect, test } from "bun:test";
import { type Entry, keyed } from "./entries.ts";
import { withHeld } from "./held.ts";
import type { RoutedNetwork } from "./view.ts";

const entries: Entry[] = [
  { kind: "route", type: "unicast", dst: "10.1.0.64/26", gateway: "fe80::2", device: "nlx-7" },
  { kind: "neigh", device: "nlx-7", address: "fe80::2", mac: "0e:00:00:00:00:02" },
  { kind: "neigh", device: "nlx-8", address: "fe80::2", mac: "0e:00:00:00:00:02" },
  { kind: "route", type: "unicast", dst: "10.9.0.0/26", gateway: "198.51.0.9" },
];
const networks = (backend: string) =>
  [
    { spec: { backend }, elsewhere: new Map([["b", ["10.1.0.64/26", "10.1.0.128/26"]]]) },
  ] as unknown as RoutedNetwork[];
const held = (backend: string, learnt: { isSettled?: boolean; prefix?: string } = {}) => {
  const { isSettled = false, prefix } = learnt;
  const known = { isSettled, learns: (each: string) => each === prefix };
  const about = { networks: networks(backend), learnt: known };
  return [...withHeld(new Map(), keyed(entries), about).keys()];
};

test("what BGP leads to is not unreachable for want of another way", () => {
  const unreachable = (dst: string): Entry => ({ kind: "route", type: "unreachable", dst });
  const desired = keyed([unreachable("10.1.0.64/26"), unreachable("10.1.0.128/26")]);
  const learnt = { isSettled: true, learns: (prefix: string) => prefix === "10.1.0.64/26" };
  const about = { networks: networks("vxlan"), learnt };
  expect([...withHeld(desired, new Map(), about).keys()]).toEqual(["route 10.1.0.128/26"]);
});

test("a way to a prefix that is not learnt yet stays, with what it stands on", () => {
  expect(held("bgp")).toEqual(["route 10.1.0.64/26", "neigh nlx-7 fe80::2"]);
});

test("nothing is held that is learnt, nor once all is, nor of another backend", () => {
  expect(held("bgp", { prefix: "10.1.0.64/26" })).toEqual([]);
  expect(held("bgp", { isSettled: true })).toEqual([]);
  expect(held("vxlan")).toEqual([]);
});
