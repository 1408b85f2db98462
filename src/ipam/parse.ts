/** Parsers for addresses in CNI configurations, with Go's view that `::ffff:10.1.0.5` is IPv4. */
import { formatIp, type Ip, parseIp, unmapped } from "../lib/ip.ts";
import { formatPrefix, ipOf, networkOf, type Prefix, parsePrefix } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import {
  integer,
  ipAddress,
  ipPrefix,
  listOf,
  object,
  optional,
  type Parser,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import type { PortRoute } from "../model/port.ts";

/** An address. */
export const ip: Parser<Ip> = (value, path) => unmapped(parseIp(ipAddress(value, path)));

/** An address with or without a prefix length, which is dropped. */
export const ipMaybeWithLength: Parser<Ip> = (value, path) =>
  typeof value === "string" && value.includes("/")
    ? unmapped(ipOf(parsePrefix(ipPrefix(value, path))))
    : ip(value, path);

/** A network, written with its own address: no bits past the prefix, not IPv4-mapped. */
export const network: Parser<Prefix> = (value, path) => {
  const prefix = parsePrefix(ipPrefix(value, path));
  const proper = networkOf(prefix);
  if (proper.address !== prefix.address) {
    throw new ConfigError(
      path,
      `"${value}" has bits set past its prefix: write "${formatPrefix(proper)}"`,
    );
  }
  if (unmapped(ipOf(prefix)).family !== prefix.family) {
    throw new ConfigError(path, `"${value}" is IPv4 written as IPv6: write it as IPv4`);
  }
  return prefix;
};

const u32 = integer(0, 0xffffffff);

const routeFields = object({
  dst: ipPrefix,
  gw: unlessEmpty(ip),
  mtu: optional(u32),
  advmss: optional(u32),
  priority: optional(u32),
  table: optional(u32),
  scope: optional(integer(0, 255)),
});

/** One route. Bits of `dst` past its prefix are kept, as the reference does. */
const route: Parser<PortRoute> = (value, path) => {
  const { gw, ...fields } = routeFields(value, path);
  const given = Object.entries({ ...fields, gw: gw && formatIp(gw) });
  return Object.fromEntries(
    given.filter(([, field]) => field !== undefined),
  ) as unknown as PortRoute;
};

/** `ipam.routes`. */
export const routes: Parser<PortRoute[]> = listOf(route);

/** Settings for the container's resolver, as CNI's result has them: nothing empty. */
export interface Resolver {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** Without what is empty. */
export function resolverOf(all: Required<Resolver>): Resolver {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value.length > 0));
}

const resolverFields = object({
  nameservers: listOf(text),
  domain: withDefault(text, ""),
  search: listOf(text),
  options: listOf(text),
});

/** `ipam.dns`. */
export const resolver: Parser<Resolver> = (value, path) =>
  value === undefined || value === null ? {} : resolverOf(resolverFields(value, path));

/** Texts of CNI_ARGS are read as JSON's are, under their own name. */
export function fromCniArgs<T>(
  args: ReadonlyMap<string, string>,
  key: string,
  parser: Parser<T>,
): T | undefined {
  return unlessEmpty(parser)(args.get(key), `CNI_ARGS ${key}`);
}

/** The spec's versions up to 0.2.0, whose results hold one address a family. */
export function onlyOneAddressPerFamily(cniVersion: unknown): boolean {
  const [major, minor] = String(cniVersion ?? "0.1.0").split(".");
  return Number(major) === 0 && Number(minor) < 3;
}

/** Throws ConfigError for a second address of a family before 0.3.0. */
export function checkFamilies(
  families: readonly (4 | 6)[],
  { cniVersion, path }: { readonly cniVersion: unknown; readonly path: string },
): void {
  if (!onlyOneAddressPerFamily(cniVersion)) return;
  for (const family of [4, 6] as const) {
    const count = families.filter((each) => each === family).length;
    if (count > 1) {
      const limit = `a result of CNI version "${cniVersion ?? "0.1.0"}" holds one`;
      throw new ConfigError(path, `asks for ${count} IPv${family} addresses: ${limit}`);
    }
  }
}
