/** Reading the whole configuration of `host-local`. */
import { describe, expect, test } from "bun:test";
import { formatIp } from "../lib/ip.ts";
import type { ConfigError } from "../model/config-error.ts";
import { parseHostLocal, parseStorePlace } from "./host-local-config.ts";

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

const plain = { subnet: "10.1.0.0/24" };

describe("requested addresses", () => {
  const asked = (document: Document) =>
    parse({ ipam: plain, ...document }).requested.map((ip) => ip && formatIp(ip));
  const dual = { ranges: [[plain], [{ subnet: "fd00::/64" }]] };

  const good: [string, Document, (string | undefined)[]][] = [
    ["nothing", {}, [undefined]],
    ["CNI_ARGS", { cniArgs: { IP: "10.1.0.7" } }, ["10.1.0.7"]],
    ["CNI_ARGS with a length", { cniArgs: { IP: "10.1.0.7/16" } }, ["10.1.0.7"]],
    ["an empty CNI_ARGS value as nothing", { cniArgs: { IP: "" } }, [undefined]],
    ["IPv4-mapped text", { cniArgs: { IP: "::ffff:10.1.0.7" } }, ["10.1.0.7"]],
    ["args.cni.ips", { args: { cni: { ips: ["10.1.0.8"] } } }, ["10.1.0.8"]],
    ["args.cni.ips with a length", { args: { cni: { ips: ["10.1.0.8/24"] } } }, ["10.1.0.8"]],
    ["null args", { args: null }, [undefined]],
    ["null args.cni", { args: { cni: null } }, [undefined]],
    ["other args", { args: { cni: { labels: [{ key: "a", value: "b" }] } } }, [undefined]],
    ["the ips capability", { runtimeConfig: { ips: ["10.1.0.8/16"] } }, ["10.1.0.8"]],
    [
      "the same address three times",
      {
        cniArgs: { IP: "10.1.0.8" },
        args: { cni: { ips: ["10.1.0.8"] } },
        runtimeConfig: { ips: ["10.1.0.8"] },
      },
      ["10.1.0.8"],
    ],
    [
      "one a set, in any order",
      { ipam: dual, runtimeConfig: { ips: ["fd00::8", "10.1.0.8"] } },
      ["10.1.0.8", "fd00::8"],
    ],
    [
      "one set's alone",
      { ipam: dual, runtimeConfig: { ips: ["fd00::8"] } },
      [undefined, "fd00::8"],
    ],
  ];
  test.each(good)("come from %s", (_name, document, expected) => {
    expect(asked(document)).toEqual(expected);
  });

  const bad: [string, Document, string, string][] = [
    [
      "outside the ranges",
      { cniArgs: { IP: "10.2.0.7" } },
      "CNI_ARGS IP",
      "not in the network's ranges 10.1.0.1-10.1.0.254",
    ],
    [
      "the network's own",
      { cniArgs: { IP: "10.1.0.0" } },
      "CNI_ARGS IP",
      "not in the network's ranges",
    ],
    ["the gateway's", { cniArgs: { IP: "10.1.0.1" } }, "CNI_ARGS IP", "is the gateway's"],
    [
      "two of one set",
      { args: { cni: { ips: ["10.1.0.8", "10.1.0.9"] } } },
      "args.cni.ips[1]",
      'beside "10.1.0.8"',
    ],
    [
      "two of one set from two places",
      { cniArgs: { IP: "10.1.0.8" }, runtimeConfig: { ips: ["10.1.0.9"] } },
      "runtimeConfig.ips[0]",
      'beside "10.1.0.8"',
    ],
    ["no address", { runtimeConfig: { ips: ["me"] } }, "runtimeConfig.ips[0]", '"me"'],
    [
      "two in CNI_ARGS",
      { cniArgs: { IP: "10.1.0.7,10.1.0.8" } },
      "CNI_ARGS IP",
      '"10.1.0.7,10.1.0.8"',
    ],
    ["empty text in a list", { args: { cni: { ips: [""] } } }, "args.cni.ips[0]", 'not ""'],
    ["null in a list", { runtimeConfig: { ips: [null] } }, "runtimeConfig.ips[0]", "missing"],
    [
      "text for the list",
      { runtimeConfig: { ips: "10.1.0.8" } },
      "runtimeConfig.ips",
      "must be a list",
    ],
  ];
  test.each(bad)("are refused when they are %s", (_name, document, path, message) => {
    const error = thrown(() => asked(document));
    expect((error as ConfigError).path).toBe(path);
    expect(error.message).toContain(message);
  });
});

test("routes keep every attribute and the bits past their prefix", () => {
  const { routes } = parse({
    ipam: {
      ...plain,
      routes: [
        { dst: "0.0.0.0/0", gw: "" },
        {
          dst: "10.9.0.5/16",
          gw: "10.1.0.9",
          mtu: 1400,
          advmss: 1300,
          priority: 5,
          table: 100,
          scope: 253,
        },
        { dst: "3ffe:ffff:0:01ff::1/64", scope: 0, table: null },
      ],
    },
  });
  expect(routes).toEqual([
    { dst: "0.0.0.0/0" },
    {
      dst: "10.9.0.5/16",
      gw: "10.1.0.9",
      mtu: 1400,
      advmss: 1300,
      priority: 5,
      table: 100,
      scope: 253,
    },
    { dst: "3ffe:ffff:0:1ff::1/64", scope: 0 },
  ]);
});

test("reservations lie below dataDir, by default where the reference has them", () => {
  expect(parse({ ipam: plain })).toMatchObject({
    network: "blue",
    dataDir: "/var/lib/cni/networks",
  });
  expect(parse({ ipam: { ...plain, dataDir: "/d" } }).dataDir).toBe("/d");
  expect(parse({ ipam: { ...plain, dataDir: "" } }).dataDir).toBe("/var/lib/cni/networks");
});

test("the place for DEL is found however wrong the rest is", () => {
  const place = (ipam: unknown) => parseStorePlace({ name: "blue", ipam }).dataDir;
  expect(place({ dataDir: "/d", ranges: "nonsense", subnet: 7, routes: {} })).toBe("/d");
  expect(place({ dataDir: 7 })).toBe("/var/lib/cni/networks");
  expect(place(undefined)).toBe("/var/lib/cni/networks");
  expect(place([])).toBe("/var/lib/cni/networks");
  expect(parseStorePlace({ name: "blue", runtimeConfig: 7, args: [] }).network).toBe("blue");
});

function thrown(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
