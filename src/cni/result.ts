/** Converts results between the shape of 1.1.0 and those of every older version. */
import { ConfigError } from "../model/config-error.ts";
import {
  filledText,
  integer,
  ipAddress,
  ipPrefix,
  listOf,
  object,
  optional,
  quoted,
  record,
  text,
  unlessEmpty,
} from "../model/parse.ts";
import { dns } from "./config.ts";
import {
  type Dns,
  type Result,
  type ResultIp,
  type ResultRoute,
  type SpecVersion,
  specVersions,
} from "./types.ts";

const u32 = integer(0, 0xffffffff);

const route = object({
  dst: ipPrefix,
  gw: unlessEmpty(ipAddress),
  mtu: optional(u32),
  advmss: optional(u32),
  priority: optional(u32),
  table: optional(u32),
  scope: optional(integer(0, 255)),
});

/** 0.3.0 and up; `ips[].version` of 0.3 and 0.4 says nothing that the address doesn't. */
const listShape = object({
  interfaces: listOf(
    object({
      name: text,
      mac: unlessEmpty(text),
      mtu: optional(u32),
      sandbox: unlessEmpty(text),
      socketPath: unlessEmpty(text),
      pciID: unlessEmpty(text),
    }),
  ),
  ips: listOf(
    object({
      address: ipPrefix,
      gateway: unlessEmpty(ipAddress),
      interface: optional(integer(0, 0xffff)),
    }),
  ),
  routes: listOf(route),
  dns,
});

const familyShape = optional(
  object({ ip: ipPrefix, gateway: unlessEmpty(ipAddress), routes: listOf(route) }),
);

/** 0.1.0 and 0.2.0: one address a family, with its routes. */
const pairShape = object({ ip4: familyShape, ip6: familyShape, dns });

const versionField = object({ cniVersion: unlessEmpty(filledText) });

/** Whether results of the version have `ip4` and `ip6`. */
const isPair = (version: SpecVersion) => version === "0.1.0" || version === "0.2.0";

/**
 * Reads a result of any version. One without `cniVersion` has the configuration's, `confVersion`.
 * Throws ConfigError below `path`.
 */
export function readResult(value: unknown, confVersion: SpecVersion, path: string): Result {
  const source = record(value, path);
  const version = versionField(source, path).cniVersion ?? confVersion;
  if (!(specVersions as readonly string[]).includes(version)) {
    throw new ConfigError(`${path}.cniVersion`, `version ${quoted(version)} is not supported`);
  }
  return isPair(version as SpecVersion) ? readPair(source, path) : readLists(source, path);
}

function readLists(source: unknown, path: string): Result {
  const result = listShape(source, path);
  for (const [i, ip] of result.ips.entries()) {
    if (ip.interface !== undefined && ip.interface >= result.interfaces.length) {
      throw new ConfigError(
        `${path}.ips[${i}].interface`,
        `there is no interface ${ip.interface}: the result lists ${result.interfaces.length}`,
      );
    }
  }
  return {
    interfaces: result.interfaces.map(compact),
    ips: result.ips.map(compact),
    routes: result.routes.map(compact),
    dns: result.dns,
  };
}

function readPair(source: unknown, path: string): Result {
  const { ip4, ip6, dns } = pairShape(source, path);
  const both = [ip4, ip6].filter((one) => one !== undefined);
  return {
    interfaces: [],
    ips: both.map(({ ip, gateway }) => compact({ address: ip, gateway })),
    routes: both.flatMap((one) => one.routes.map(compact)),
    dns,
  };
}

/** The object without its undefined fields. */
function compact<T extends object>(value: T): T {
  const out = { ...value };
  for (const key of Object.keys(out) as (keyof T)[]) if (out[key] === undefined) delete out[key];
  return out;
}

/**
 * The result in the shape of `version`, ready for JSON. What an old version has no place for is
 * left out: before 1.0.0 a link's `mtu`, `socketPath` and `pciID`; before 0.3.0 links, and all
 * but the first address of each family with its routes. A route's newer fields stay from 0.3.0
 * on and a link's in 1.0.0, as with the reference: readers pass over keys that they don't know,
 * and a chain would otherwise lose them between two plugins.
 */
export function writeResult(result: Result, version: SpecVersion): Record<string, unknown> {
  return isPair(version) ? writePair(result, version) : writeLists(result, version);
}

function writeLists(result: Result, cniVersion: SpecVersion): Record<string, unknown> {
  const old = cniVersion.startsWith("0.");
  const interfaces = old
    ? result.interfaces.map(({ name, mac, sandbox }) => ({ name, mac, sandbox }))
    : result.interfaces;
  const ips = old ? result.ips.map((ip) => ({ version: family(ip.address), ...ip })) : result.ips;
  return {
    cniVersion,
    ...(interfaces.length > 0 && { interfaces }),
    ...(ips.length > 0 && { ips }),
    ...(result.routes.length > 0 && { routes: result.routes }),
    ...filledDns(result.dns),
  };
}

/** Unlike the reference we don't refuse a result without addresses: the version allows it. */
function writePair(result: Result, cniVersion: SpecVersion): Record<string, unknown> {
  const ip4 = firstOf("4", result.ips, result.routes);
  const ip6 = firstOf("6", result.ips, result.routes);
  return { cniVersion, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), ...filledDns(result.dns) };
}

function firstOf(version: "4" | "6", ips: readonly ResultIp[], routes: readonly ResultRoute[]) {
  const first = ips.find((ip) => family(ip.address) === version);
  if (!first) return undefined;
  const own = routes.filter((one) => family(one.dst) === version);
  return {
    ip: first.address,
    gateway: first.gateway,
    ...(own.length > 0 && { routes: own.map(({ dst, gw }) => ({ dst, gw })) }),
  };
}

function family(address: string): "4" | "6" {
  return address.includes(":") ? "6" : "4";
}

function filledDns(dns: Dns): { dns?: Dns } {
  return Object.keys(dns).length > 0 ? { dns } : {};
}

/** The text that goes to standard output. */
export function resultJson(result: Result, version: SpecVersion): string {
  return JSON.stringify(writeResult(result, version), null, 4);
}
