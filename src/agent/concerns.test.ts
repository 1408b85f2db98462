/** A change among very many is work for few parts of the agent. */
import { expect, test } from "bun:test";
import type { ApiObject } from "../api/object.ts";
import { concernedBy } from "./concerns.ts";
import type { SpecChange } from "./spec/node-spec.ts";

const change = (key: string, spec: object = {}): SpecChange => ({
  ...{ key, isNews: true },
  object: { metadata: { name: "x" }, spec } as unknown as ApiObject,
});
const isRouted = (network: string) => network === "a/routed";
const concerned = (...changes: SpecChange[]) =>
  [...concernedBy(changes, isRouted)].sort() as string[];
const ofOwn = ["bgp", "own", "routes", "tunnel"];
const all = ["bgp", "guard", "own", "routes", "silent", "tunnel"];

test("what is declared concerns nobody who looks at hosts alone, a server heard again all", () => {
  expect(concerned(change("networks/a/blue"))).toEqual(ofOwn);
  expect(concerned(change("ipblocks/x"))).toEqual(ofOwn);
  expect(concerned(change("kindofalaterrelease/x"))).toEqual(ofOwn);
  expect(concerned()).toEqual(all);
});

test("another host's ports concern routes where they are of routed networks alone", () => {
  expect(concerned(change("endpoints/a/p", { network: "a/blue" }))).toEqual([]);
  expect(concerned(change("endpoints/a/p", { network: "a/routed" }))).toEqual(["routes"]);
  const { object: previous, ...gone } = change("endpoints/a/p", { network: "a/routed" });
  expect(concerned({ ...gone, previous: previous! })).toEqual(["routes"]);
  const anew = change("endpoints/a/p", { network: "a/blue" });
  expect(concerned({ ...anew, previous: previous! })).toEqual(["routes"]);
});

test("together they concern whom one of them concerns", () => {
  const [peer, block] = [change("hostpeers/b"), change("blockroutes/x")];
  expect(concerned(peer, block)).toEqual(["guard", "routes", "silent", "tunnel"]);
  expect(concerned(change("bgpneighbors/b"))).toEqual(["bgp"]);
  expect(concerned(peer, change("ports/a/p"))).toEqual(all);
});
