/** Which ranges `host-local` takes and refuses. */
import { describe, expect, test } from "bun:test";
import { formatIp } from "../lib/ip.ts";
import { formatPrefix } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import { parseHostLocal } from "./host-local-config.ts";
import type { AddressRange } from "./range-set.ts";

interface Document {
  ipam?: unknown;
  cniArgs?: Record<string, string>;
  [key: string]: unknown;
}

/** Parses a document with these fields; the rest is right. */
function parse({ cniArgs = {}, ...document }: Document) {
  const whole = { cniVersion: "1.0.0", name: "blue", type: "bridge", ...document };
  return parseHostLocal(whole, new Map(Object.entries(cniArgs)));
}

const text = ({ subnet, first, last, gateway }: AddressRange) =>
  [formatPrefix(subnet), formatIp(first), formatIp(last), formatIp(gateway)].join(" ");
const sets = (document: Document) => parse(document).rangeSets.map((set) => set.map(text));
const one = (...ranges: unknown[]) => ({ ranges: [ranges] });
const plain = { subnet: "10.1.0.0/24" };
const plainText = "10.1.0.0/24 10.1.0.1 10.1.0.254 10.1.0.1";

describe("ranges", () => {
  // Each outcome is what the reference's release 1.9.1 does with the same input.
  const good: [string, Document, string[][]][] = [
    ["a single old-style range", { ipam: plain }, [[plainText]]],
    ["a range in a set", { ipam: one(plain) }, [[plainText]]],
    [
      "the smallest IPv4 subnet",
      { ipam: { subnet: "10.1.0.0/30" } },
      [["10.1.0.0/30 10.1.0.1 10.1.0.2 10.1.0.1"]],
    ],
    [
      "the smallest IPv6 subnet",
      { ipam: { subnet: "fd00::/126" } },
      [["fd00::/126 fd00::1 fd00::3 fd00::1"]],
    ],
    [
      "the largest IPv4 subnet",
      { ipam: { subnet: "0.0.0.0/0" } },
      [["0.0.0.0/0 0.0.0.1 255.255.255.254 0.0.0.1"]],
    ],
    [
      "IPv6 to its last address",
      { ipam: { subnet: "fd00::/64" } },
      [["fd00::/64 fd00::1 fd00::ffff:ffff:ffff:ffff fd00::1"]],
    ],
    [
      "all four fields",
      { ipam: { ...plain, rangeStart: "10.1.0.9", rangeEnd: "10.1.0.20", gateway: "10.1.0.30" } },
      [["10.1.0.0/24 10.1.0.9 10.1.0.20 10.1.0.30"]],
    ],
    [
      "a gateway outside the subnet",
      { ipam: { ...plain, gateway: "169.254.1.1" } },
      [["10.1.0.0/24 10.1.0.1 10.1.0.254 169.254.1.1"]],
    ],
    [
      "empty and null ends as absent",
      { ipam: { ...plain, rangeStart: "", rangeEnd: null, gateway: "" } },
      [[plainText]],
    ],
    [
      "the subnet's outermost addresses if asked for",
      { ipam: { ...plain, rangeStart: "10.1.0.0", rangeEnd: "10.1.0.255" } },
      [["10.1.0.0/24 10.1.0.0 10.1.0.255 10.1.0.1"]],
    ],
    [
      "an IPv4-mapped start as IPv4",
      { ipam: { ...plain, rangeStart: "::ffff:10.1.0.9" } },
      [["10.1.0.0/24 10.1.0.9 10.1.0.254 10.1.0.1"]],
    ],
    [
      "several ranges of one subnet in a set",
      { ipam: one({ ...plain, rangeEnd: "10.1.0.9" }, { ...plain, rangeStart: "10.1.0.10" }) },
      [["10.1.0.0/24 10.1.0.1 10.1.0.9 10.1.0.1", "10.1.0.0/24 10.1.0.10 10.1.0.254 10.1.0.1"]],
    ],
    [
      "one set a family",
      { ipam: { ranges: [[plain], [{ subnet: "fd00::/126" }]] } },
      [[plainText], ["fd00::/126 fd00::1 fd00::3 fd00::1"]],
    ],
    [
      "the runtime's ranges first, the old-style one second",
      {
        ipam: { ...plain, ranges: [[{ subnet: "10.2.0.0/30" }]] },
        runtimeConfig: { ipRanges: [[{ subnet: "10.3.0.0/30" }]] },
      },
      [
        ["10.3.0.0/30 10.3.0.1 10.3.0.2 10.3.0.1"],
        [plainText],
        ["10.2.0.0/30 10.2.0.1 10.2.0.2 10.2.0.1"],
      ],
    ],
    [
      "the runtime's ranges alone",
      { ipam: {}, runtimeConfig: { ipRanges: [[plain]] } },
      [[plainText]],
    ],
    ["keys in any case", { ipam: { Subnet: "10.1.0.0/24" } }, [[plainText]]],
    ["unknown keys", { ipam: { ...plain, colour: "blue" } }, [[plainText]]],
    [
      "a start without a subnet as nothing",
      { ipam: { rangeStart: "10.9.0.1", ...one(plain) } },
      [[plainText]],
    ],
    [
      "a missing gateway key beside null ranges",
      { ipam: { ...plain, ranges: null } },
      [[plainText]],
    ],
    [
      "one address a family at 0.2.0",
      { cniVersion: "0.2.0", ipam: { ranges: [[plain], [{ subnet: "fd00::/126" }]] } },
      [[plainText], ["fd00::/126 fd00::1 fd00::3 fd00::1"]],
    ],
  ];
  test.each(good)("takes %s", (_name, document, expected) => {
    expect(sets(document)).toEqual(expected);
  });

  const bad: [string, Document, string, string][] = [
    ["no ipam", {}, "ipam", "missing"],
    ["a list for ipam", { ipam: [] }, "ipam", "must be an object"],
    ["no ranges", { ipam: {} }, "ipam.ranges", "missing: name a range"],
    ["no range sets", { ipam: { ranges: [] } }, "ipam.ranges", "missing: name a range"],
    ["an empty range set", { ipam: { ranges: [[]] } }, "ipam.ranges[0]", "is empty"],
    ["null for a range set", { ipam: { ranges: [null] } }, "ipam.ranges[0]", "is empty"],
    ["null for a range", { ipam: { ranges: [[null]] } }, "ipam.ranges[0][0]", "missing"],
    ["a range without subnet", { ipam: one({}) }, "ipam.ranges[0][0].subnet", "missing"],
    ["a range for a set", { ipam: { ranges: [plain] } }, "ipam.ranges[0]", "must be a list"],
    ["an object for the sets", { ipam: { ranges: {} } }, "ipam.ranges", "must be a list"],
    ["an empty subnet", { ipam: { subnet: "" } }, "ipam.subnet", 'not ""'],
    ["a number for a subnet", { ipam: { subnet: 10 } }, "ipam.subnet", "not 10"],
    ["a subnet without length", { ipam: { subnet: "10.1.0.0" } }, "ipam.subnet", '"10.1.0.0"'],
    ["a subnet too long", { ipam: { subnet: "10.1.0.0/33" } }, "ipam.subnet", '"10.1.0.0/33"'],
    ["leading zeros", { ipam: { subnet: "010.1.0.0/24" } }, "ipam.subnet", '"010.1.0.0/24"'],
    [
      "bits past the prefix",
      { ipam: { subnet: "10.1.0.5/24" } },
      "ipam.subnet",
      'write "10.1.0.0/24"',
    ],
    [
      "IPv4 written as IPv6",
      { ipam: { subnet: "::ffff:10.1.0.0/120" } },
      "ipam.subnet",
      "write it as IPv4",
    ],
    ["a /31", { ipam: { subnet: "10.1.0.0/31" } }, "ipam.subnet", "too small to give addresses"],
    ["a /32", { ipam: { subnet: "10.1.0.0/32" } }, "ipam.subnet", "too small to give addresses"],
    [
      "an IPv6 /127",
      { ipam: one({ subnet: "fd00::/127" }) },
      "ipam.ranges[0][0].subnet",
      "126 or less",
    ],
    [
      "a start outside",
      { ipam: { ...plain, rangeStart: "10.2.0.1" } },
      "ipam.rangeStart",
      '"10.2.0.1" is not in subnet "10.1.0.0/24"',
    ],
    [
      "an end outside",
      { ipam: one(plain, { subnet: "10.2.0.0/24", rangeEnd: "10.3.0.1" }) },
      "ipam.ranges[0][1].rangeEnd",
      "is not in subnet",
    ],
    [
      "a start of the other family",
      { ipam: { ...plain, rangeStart: "fd00::1" } },
      "ipam.rangeStart",
      "is not in subnet",
    ],
    [
      "a start that is no address",
      { ipam: { ...plain, rangeStart: "first" } },
      "ipam.rangeStart",
      '"first"',
    ],
    [
      "a start after the end",
      { ipam: { ...plain, rangeStart: "10.1.0.9", rangeEnd: "10.1.0.5" } },
      "ipam.rangeStart",
      "before its start",
    ],
    [
      "a start after the default end",
      { ipam: { ...plain, rangeStart: "10.1.0.255" } },
      "ipam.rangeStart",
      "before its start",
    ],
    [
      "an end before the default start",
      { ipam: { ...plain, rangeEnd: "10.1.0.0" } },
      "ipam.rangeEnd",
      "before its start",
    ],
    [
      "a gateway of the other family",
      { ipam: { ...plain, gateway: "fd00::1" } },
      "ipam.gateway",
      "another family",
    ],
    ["a number for a gateway", { ipam: { ...plain, gateway: 1 } }, "ipam.gateway", "not 1"],
    [
      "overlap in a set",
      { ipam: one(plain, { subnet: "10.1.0.0/25" }) },
      "ipam.ranges[0][1]",
      'overlaps with "ipam.ranges[0][0]"',
    ],
    [
      "overlap across sets",
      { ipam: { ranges: [[plain], [{ subnet: "10.1.0.128/25" }]] } },
      "ipam.ranges[1][0]",
      'overlaps with "ipam.ranges[0][0]"',
    ],
    [
      "overlap with the runtime's",
      { ipam: plain, runtimeConfig: { ipRanges: [[plain]] } },
      "ipam",
      'overlaps with "runtimeConfig.ipRanges[0][0]"',
    ],
    [
      "both families in a set",
      { ipam: one(plain, { subnet: "fd00::/64" }) },
      "ipam.ranges[0][1]",
      "a set of its own",
    ],
    [
      "a wrong range of the runtime",
      { ipam: plain, runtimeConfig: { ipRanges: [[{ subnet: "x" }]] } },
      "runtimeConfig.ipRanges[0][0].subnet",
      '"x"',
    ],
    [
      "two of a family at 0.2.0",
      { cniVersion: "0.2.0", ipam: { ranges: [[plain], [{ subnet: "10.2.0.0/24" }]] } },
      "ipam.ranges",
      '"0.2.0" holds one',
    ],
    [
      "two of a family without a version",
      { cniVersion: undefined, ipam: { ranges: [[plain], [{ subnet: "10.2.0.0/24" }]] } },
      "ipam.ranges",
      '"0.1.0" holds one',
    ],
    ["a number for dataDir", { ipam: { ...plain, dataDir: 5 } }, "ipam.dataDir", "not 5"],
    [
      "a list for resolvConf",
      { ipam: { ...plain, resolvConf: [] } },
      "ipam.resolvConf",
      "must be a string",
    ],
    [
      "text for the routes",
      { ipam: { ...plain, routes: "0.0.0.0/0" } },
      "ipam.routes",
      "must be a list",
    ],
    [
      "a route without dst",
      { ipam: { ...plain, routes: [{ gw: "10.1.0.1" }] } },
      "ipam.routes[0].dst",
      "missing",
    ],
    ["null for a route", { ipam: { ...plain, routes: [null] } }, "ipam.routes[0]", "missing"],
    [
      "a route to an address",
      { ipam: { ...plain, routes: [{ dst: "10.9.0.5" }] } },
      "ipam.routes[0].dst",
      '"10.9.0.5"',
    ],
    [
      "a route by no address",
      { ipam: { ...plain, routes: [{ dst: "10.9.0.0/16", gw: "x" }] } },
      "ipam.routes[0].gw",
      '"x"',
    ],
    [
      "half a byte for a route's mtu",
      { ipam: { ...plain, routes: [{ dst: "10.9.0.0/16", mtu: 1.5 }] } },
      "ipam.routes[0].mtu",
      "not 1.5",
    ],
    [
      "a huge route metric",
      { ipam: { ...plain, routes: [{ dst: "10.9.0.0/16", priority: 1e30 }] } },
      "ipam.routes[0].priority",
      "1e+30",
    ],
  ];
  test.each(bad)("refuses %s and names the field", (_name, document, path, message) => {
    const error = thrown(() => parse(document));
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).path).toBe(path);
    expect(error.message).toContain(message);
  });
});

function thrown(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
