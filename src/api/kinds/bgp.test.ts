/** What is wrong with routers and their filters. */
import { expect, test } from "bun:test";
import { withDefaults } from "../shape.ts";
import { validate } from "../validate.ts";
import { bgpConfigurationKind } from "./bgp-configuration.ts";
import { bgpPeerKind } from "./bgp-peer.ts";

const usual = { address: "192.0.2.1", asNumber: 65000 };
const faults = (kind: typeof bgpPeerKind | typeof bgpConfigurationKind, spec: object) => {
  const filled = withDefaults(kind.spec, spec);
  const wrong = validate(kind.spec, filled, "spec");
  const own = wrong.length > 0 ? [] : (kind.check?.({ spec: filled } as never) ?? []);
  return [...wrong, ...own].map(({ path, message }) => `${path}: ${message}`);
};

test("a router with an address and an AS is enough", () => {
  expect(faults(bgpPeerKind, usual)).toEqual([]);
  expect(withDefaults(bgpPeerKind.spec, usual)).toEqual({
    ...{ ...usual, port: 179, holdTimeSeconds: 90, allowOwnAs: 0, bfd: false },
  });
});

const table: readonly [string, object, string][] = [
  ["no AS", { asNumber: 0 }, "spec.asNumber: must be between 1 and 4294967295"],
  ["a large AS", { asNumber: 2 ** 32 }, "spec.asNumber: must be between 1 and 4294967295"],
  ["a name", { address: "tor1" }, "spec.address: must be a valid IP address"],
  ["loopback", { address: "127.0.0.1" }, "spec.address: must be one router's"],
  ["multicast", { address: "224.0.0.5" }, "spec.address: must be one router's"],
  ["link-local", { address: "fe80::1" }, "spec.address: must be one router's"],
  ["a short hold time", { holdTimeSeconds: 2 }, "spec.holdTimeSeconds: must be 0, or 3 or more"],
  ["no family", { families: [] }, "spec.families: must name one or both"],
  ["a relative file", { passwordFile: "secret" }, "spec.passwordFile: must match"],
  [
    "a community of three halves",
    { communities: ["64512:1:2:3"] },
    "spec.communities[0]: must match",
  ],
  [
    "a community out of range",
    { communities: ["64512:100", "64512:65536"] },
    "spec.communities[1]: has a number above 65535",
  ],
  [
    "a filter shorter than its prefix",
    { export: [{ cidr: "10.0.0.0/8", minLength: 7 }] },
    "spec.export[0].minLength: must be from 8, that of cidr, to 32",
  ],
  [
    "a filter of the other family's length",
    { import: [{ cidr: "10.0.0.0/8", maxLength: 64 }] },
    "spec.import[0].maxLength: must be from 8, that of cidr, to 32",
  ],
  [
    "a filter of no length",
    { import: [{ cidr: "fd00::/8", minLength: 64, maxLength: 48 }] },
    "spec.import[0].maxLength: must be minLength (64) or more",
  ],
  ["bits beyond a prefix", { export: [{ cidr: "10.0.0.1/8" }] }, "spec.export[0].cidr: must have"],
];
test.each(table)("refused: %s", (_name, spec, message) => {
  expect(faults(bgpPeerKind, { ...usual, ...spec }).join("\n")).toStartWith(message);
});

test("what is at the bounds is taken", () => {
  const spec = {
    ...{ asNumber: 4294967295, holdTimeSeconds: 0, communities: ["0:65535", "4294967295:1:2"] },
    export: [{ cidr: "10.0.0.0/8", minLength: 8, maxLength: 32 }],
  };
  expect(faults(bgpPeerKind, { ...usual, ...spec })).toEqual([]);
});

test("a configuration needs nothing, and its communities are looked at", () => {
  expect(faults(bgpConfigurationKind, {})).toEqual([]);
  expect(faults(bgpConfigurationKind, { communities: ["1:99999"] })).toEqual([
    "spec.communities[0]: has a number above 65535",
  ]);
});
