/** Tests the conversion of results to and from every version. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readResult, resultJson, writeResult } from "./result.ts";
import { type Result, type SpecVersion, specVersions } from "./types.ts";

/** Everything that a result can hold, in both families. */
const full: Result = {
  interfaces: [
    { name: "cni0", mac: "02:00:00:00:00:01", mtu: 1500 },
    {
      name: "eth0",
      mac: "02:00:00:00:00:02",
      mtu: 1500,
      sandbox: "/run/netns/c1",
      socketPath: "/run/s",
      pciID: "0000:00:1f.6",
    },
  ],
  ips: [
    { address: "10.1.0.5/24", gateway: "10.1.0.1", interface: 1 },
    { address: "10.2.0.5/24", interface: 1 },
    { address: "fd00::5/64", gateway: "fd00::1", interface: 1 },
  ],
  routes: [
    {
      dst: "0.0.0.0/0",
      gw: "10.1.0.1",
      mtu: 1400,
      advmss: 1360,
      priority: 10,
      table: 100,
      scope: 0,
    },
    { dst: "fd01::/64" },
  ],
  dns: { nameservers: ["10.1.0.1"], domain: "local", search: ["a.local"], options: ["ndots:5"] },
};

const lists = (version: SpecVersion) => ({ cniVersion: version, ...full });
const oldLists = (version: SpecVersion) => ({
  cniVersion: version,
  interfaces: [
    { name: "cni0", mac: "02:00:00:00:00:01" },
    { name: "eth0", mac: "02:00:00:00:00:02", sandbox: "/run/netns/c1" },
  ],
  ips: [
    { version: "4", address: "10.1.0.5/24", gateway: "10.1.0.1", interface: 1 },
    { version: "4", address: "10.2.0.5/24", interface: 1 },
    { version: "6", address: "fd00::5/64", gateway: "fd00::1", interface: 1 },
  ],
  routes: full.routes,
  dns: full.dns,
});
const pair = (version: SpecVersion) => ({
  cniVersion: version,
  ip4: {
    ip: "10.1.0.5/24",
    gateway: "10.1.0.1",
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }],
  },
  ip6: { ip: "fd00::5/64", gateway: "fd00::1", routes: [{ dst: "fd01::/64" }] },
  dns: full.dns,
});

const shapes: Readonly<Record<SpecVersion, (version: SpecVersion) => object>> = {
  "0.1.0": pair,
  "0.2.0": pair,
  "0.3.0": oldLists,
  "0.3.1": oldLists,
  "0.4.0": oldLists,
  "1.0.0": lists,
  "1.1.0": lists,
};

/** What a version keeps of a result: written down a second time, from the specification. */
function keptBy(version: SpecVersion, result: Result): Result {
  if (version === "1.0.0" || version === "1.1.0") return result;
  if (version !== "0.1.0" && version !== "0.2.0") {
    const interfaces = result.interfaces.map(
      ({ mtu: _, socketPath: _s, pciID: _p, ...rest }) => rest,
    );
    return { ...result, interfaces };
  }
  const ips = [4, 6].flatMap((family) => {
    const first = result.ips.find((ip) => ip.address.includes(":") === (family === 6));
    return first ? [{ address: first.address, gateway: first.gateway }] : [];
  });
  const routes = ips.flatMap(({ address }) =>
    result.routes
      .filter(({ dst }) => dst.includes(":") === address.includes(":"))
      .map(({ dst, gw }) => ({ dst, gw })),
  );
  return { interfaces: [], ips, routes, dns: result.dns };
}

const fromJson = (value: unknown) => JSON.parse(JSON.stringify(value));

describe("writing a result", () => {
  for (const version of specVersions) {
    test(`in version ${version} gives that version's shape`, () => {
      expect(fromJson(writeResult(full, version))).toEqual(shapes[version](version));
    });

    test(`that is empty in version ${version} gives the version alone`, () => {
      const empty = { interfaces: [], ips: [], routes: [], dns: {} };
      expect(writeResult(empty, version)).toEqual({ cniVersion: version });
    });

    test(`in version ${version} and reading it back loses only what the version can't hold`, () => {
      fc.assert(
        fc.property(anyResult, (result) => {
          const text = resultJson(result, version);
          const back = readResult(JSON.parse(text), "1.1.0", "prevResult");
          expect(back).toEqual(fromJson(keptBy(version, result)));
          expect(resultJson(back, version)).toBe(text);
        }),
      );
    });
  }
});

describe("reading a result", () => {
  test("without cniVersion takes the configuration's", () => {
    const read = readResult({ ip4: { ip: "10.1.0.5/24" } }, "0.2.0", "prevResult");
    expect(read.ips).toEqual([{ address: "10.1.0.5/24" }]);
    expect(readResult({ ips: [{ address: "10.1.0.5/24" }] }, "0.4.0", "p").ips).toHaveLength(1);
  });

  test("with a cniVersion goes by that, not by the configuration's", () => {
    const old = { cniVersion: "0.2.0", ip4: { ip: "10.1.0.5/24" } };
    expect(readResult(old, "1.0.0", "prevResult").ips).toEqual([{ address: "10.1.0.5/24" }]);
  });

  test("takes null lists and empty texts, which Go writes, as absent", () => {
    const given = { interfaces: null, ips: null, routes: null, dns: null };
    expect(readResult(given, "1.0.0", "p")).toEqual({
      interfaces: [],
      ips: [],
      routes: [],
      dns: {},
    });
    const address = { address: "10.1.0.5/24", gateway: "" };
    expect(readResult({ ips: [address] }, "1.0.0", "p").ips).toEqual([{ address: "10.1.0.5/24" }]);
  });

  test("passes over keys that it does not know", () => {
    const extra = { ips: [{ address: "10.1.0.5/24", extra: 1 }], more: {} };
    expect(readResult(extra, "1.0.0", "p").ips).toEqual([{ address: "10.1.0.5/24" }]);
  });

  for (const [name, value, message] of [
    ["that is text", "x", 'p: must be an object, not "x"'],
    ["of an unknown version", { cniVersion: "9.0.0" }, 'p.cniVersion: version "9.0.0"'],
    ["with an address without length", { ips: [{ address: "10.1.0.5" }] }, "p.ips[0].address"],
    [
      "with a wrong gateway",
      { ips: [{ address: "10.1.0.5/8", gateway: "x" }] },
      "p.ips[0].gateway",
    ],
    [
      "with a link that is not there",
      { ips: [{ address: "10.1.0.5/8", interface: 0 }] },
      "lists 0",
    ],
    ["with a link below zero", { ips: [{ address: "::/0", interface: -1 }] }, "p.ips[0].interface"],
    ["with a route to nowhere", { routes: [{ gw: "10.1.0.1" }] }, "p.routes[0].dst: missing"],
    ["with a nameless link", { interfaces: [{ mac: "x" }] }, "p.interfaces[0].name: missing"],
  ] as const) {
    test(`${name} is refused with the field's path`, () => {
      expect(() => readResult(value, "1.0.0", "p")).toThrow(message);
    });
  }
});

const v4 = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255)).map((rest) => `10.${rest.join(".")}`);
const v6 = fc.integer({ min: 1, max: 0xffff }).map((group) => `fd00::${group.toString(16)}`);
const prefix = fc.oneof(
  fc.tuple(v4, fc.nat(32)).map(([ip, length]) => `${ip}/${length}`),
  fc.tuple(v6, fc.nat(128)).map(([ip, length]) => `${ip}/${length}`),
);
const number = fc.nat(65535);
const word = fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/);
const words = fc.array(word, { minLength: 1, maxLength: 3 });
const some = { requiredKeys: [] as [] };

const anyDns = fc.record({ nameservers: words, domain: word, search: words, options: words }, some);
const anyInterface = fc.record(
  { name: word, mac: word, mtu: number, sandbox: word, socketPath: word, pciID: word },
  { requiredKeys: ["name"] },
);
const anyRoute = fc.record(
  {
    dst: prefix,
    gw: fc.oneof(v4, v6),
    mtu: number,
    advmss: number,
    priority: number,
    table: number,
    scope: fc.constantFrom(0, 253, 254),
  },
  { requiredKeys: ["dst"] },
);
const anyIp = fc.record(
  { address: prefix, gateway: fc.oneof(v4, v6), interface: fc.nat(2) },
  { requiredKeys: ["address"] },
);
const anyResult: fc.Arbitrary<Result> = fc.record({
  interfaces: fc.array(anyInterface, { minLength: 3, maxLength: 4 }),
  ips: fc.array(anyIp, { maxLength: 4 }),
  routes: fc.array(anyRoute, { maxLength: 4 }),
  dns: anyDns,
});
