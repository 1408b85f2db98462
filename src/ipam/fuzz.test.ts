/** Whatever JSON a configuration is, it is taken or refused with a ConfigError, never worse. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { ConfigError } from "../model/config-error.ts";
import { parseHostLocal, parseStorePlace } from "./host-local-config.ts";
import { capacity } from "./range-set.ts";
import { parseStatic } from "./static.ts";

const texts = fc.constantFrom(
  ...["", "10.1.0.0/24", "10.1.0.5", "10.1.0.5/24", "fd00::/64", "fd00::5", "::ffff:10.1.0.5"],
  ...["0.0.0.0/0", "::/0", "10.1.0.0/30", "/", "10.1.0.0/", "__proto__", "\0", "1e9", "10.1.0.255"],
);
const leaf = fc.oneof(
  { weight: 6, arbitrary: texts },
  fc.constantFrom(null, true, 0, -1, 1e308, 2 ** 53),
  fc.string({ maxLength: 12 }),
);
const anything = fc.oneof(
  { weight: 4, arbitrary: leaf },
  fc.array(leaf, { maxLength: 2 }),
  fc.dictionary(fc.constantFrom("subnet", "dst", "address", "ips", "__proto__"), leaf),
);

/** A right document for both plugins, with every field that they read. */
const right = {
  name: "net",
  cniVersion: "1.1.0",
  runtimeConfig: { ipRanges: [[{ subnet: "10.3.0.0/24" }]], ips: ["10.1.0.9/24"] },
  args: { cni: { ips: ["10.1.0.9/24"] } },
  ipam: {
    ...{
      subnet: "10.2.0.0/24",
      rangeStart: "10.2.0.9",
      rangeEnd: "10.2.0.99",
      gateway: "10.2.0.1",
    },
    ranges: [[{ subnet: "10.1.0.0/24", gateway: "10.1.0.1" }], [{ subnet: "fd00::/64" }]],
    routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1", mtu: 1400, scope: 253 }],
    addresses: [{ address: "10.1.0.5/24", gateway: "10.1.0.1" }],
    dns: { nameservers: ["10.1.0.1"], domain: "a", search: ["b"], options: ["c"] },
    ...{ dataDir: "/d", resolvConf: "/etc/resolv.conf" },
  },
};

/** Every place in a document, as keys from its root. */
function places(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, each]) => places(each, [...path, key]));
  return path.length > 0 ? [path, ...below] : below;
}

function put(value: any, [key, ...rest]: string[], replacement: unknown): any {
  if (key === undefined) return replacement;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  return typeof value === "object" && value !== null
    ? Object.assign(copy, { [key]: put(value[key], rest, replacement) })
    : value;
}

/** The right one with up to three places replaced. */
const document = fc
  .array(fc.tuple(fc.constantFrom(...places(right)), anything), { maxLength: 3 })
  .map((changes) => changes.reduce((input, [path, value]) => put(input, path, value), right));
const cniArgs = fc.dictionary(fc.constantFrom("IP", "GATEWAY", "MAC"), texts, { maxKeys: 1 });

/** The parser's value; undefined if it refused as it may. Anything else thrown fails the test. */
function taken<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).not.toMatch(/undefined|\[object/);
    return undefined;
  }
}

test("host-local and static take or refuse any document, and DEL's place is always found", () => {
  let count = 0;
  fc.assert(
    fc.property(document, cniArgs, (input, args) => {
      const pairs = new Map(Object.entries(args));
      const config = taken(() => parseHostLocal(input, pairs));
      if (config) {
        count++;
        expect(config.requested.length).toBe(config.rangeSets.length);
        for (const set of config.rangeSets) {
          expect(set.length).toBeGreaterThan(0);
          expect(capacity(set, config.rangeSets)).toBeGreaterThanOrEqual(0n);
        }
      }
      taken(() => parseStatic(input, pairs));
      const place = taken(() => parseStorePlace({ ...input, name: "net" }));
      expect(place?.network).toBe("net");
    }),
    { numRuns: 2_000 },
  );
  // The generator must reach beyond the first check.
  expect(count).toBeGreaterThan(200);
});
