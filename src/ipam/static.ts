/** The `static` plugin: addresses that the configuration or the runtime names, stored nowhere. */
import { done } from "../lib/begun.ts";
import { equalIp, formatIp, type Ip } from "../lib/ip.ts";
import {
  containsIp,
  formatPrefix,
  ipOf,
  type Prefix,
  parsePrefix,
  unmappedPrefix,
} from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import {
  ipPrefix,
  listOf,
  object,
  optional,
  type Parser,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import type { PortIp, PortRoute } from "../model/port.ts";
import { CheckError } from "./errors.ts";
import type { Ipam, IpamResult } from "./ipam.ts";
import { checkFamilies, fromCniArgs, ip, type Resolver, resolver, routes } from "./parse.ts";

/** An address to give. */
export interface StaticAddress {
  readonly address: Prefix;
  readonly gateway?: Ip;
}

/** A checked configuration. */
export interface StaticConfig {
  readonly addresses: readonly StaticAddress[];
  readonly routes: readonly PortRoute[];
  readonly dns: Resolver;
}

const prefix: Parser<Prefix> = (value, path) => {
  const given = parsePrefix(ipPrefix(value, path));
  return unmappedPrefix(given);
};

const commaSeparated =
  <T>(item: Parser<T>): Parser<T[]> =>
  (value, path) =>
    text(value, path)
      .split(",")
      .map((each) => item(each.trim(), path));

const addressFields = object({ address: prefix, gateway: unlessEmpty(ip) });
const noIps = { ips: [] };

const document = object({
  cniVersion: optional(text),
  ipam: object({ addresses: listOf(addressFields), routes, dns: resolver }),
  runtimeConfig: withDefault(object({ ips: listOf(prefix) }), noIps),
  args: withDefault(object({ cni: withDefault(object({ ips: listOf(prefix) }), noIps) }), {
    cni: noIps,
  }),
});

/**
 * Checks a configuration, the document that the plugin gets whole. `cniArgs` is CNI_ARGS in
 * pairs: `IP` adds addresses, `GATEWAY` gives those that it added their gateways. `args.cni.ips`
 * replaces all of these, `runtimeConfig.ips` even that. Throws ConfigError.
 */
export function parseStatic(
  input: unknown,
  cniArgs: ReadonlyMap<string, string> = new Map(),
): StaticConfig {
  const { cniVersion, ipam, runtimeConfig, args } = document(input, "");
  const gateways = fromCniArgs(cniArgs, "GATEWAY", commaSeparated(ip)) ?? [];
  const added = (fromCniArgs(cniArgs, "IP", commaSeparated(prefix)) ?? []).map((address) => ({
    address,
    gateway: gateways.findLast((gateway) => containsIp(address, gateway)),
  }));
  const bare = (list: readonly Prefix[]) => list.map((address) => ({ address }));
  const addresses = [
    bare(runtimeConfig.ips),
    bare(args.cni.ips),
    [...ipam.addresses, ...added],
  ].find((list) => list.length > 0);
  const given = addresses ?? [];
  checkFamilies(
    given.map(({ address }) => address.family),
    { cniVersion, path: "ipam.addresses" },
  );
  given.forEach(checkGateway);
  return { addresses: given, routes: ipam.routes, dns: ipam.dns };
}

function checkGateway({ address, gateway }: StaticAddress, i: number): void {
  if (!gateway || gateway.family === address.family) return;
  throw new ConfigError(
    `ipam.addresses[${i}].gateway`,
    `"${formatIp(gateway)}" is of another family than "${formatPrefix(address)}"`,
  );
}

/** What ADD gives. */
export const staticResult = ({ addresses, routes, dns }: StaticConfig): IpamResult => ({
  ips: addresses.map(({ address, gateway }) => ({
    address: formatPrefix(address),
    ...(gateway && { gateway: formatIp(gateway) }),
  })),
  routes,
  dns,
});

/**
 * Throws CheckError if the result of ADD gives a configured address another gateway. An address
 * that the result lacks passes: later plugins may have changed it, and so the reference does.
 */
export function checkStatic(config: StaticConfig, result: readonly PortIp[]): void {
  for (const { address, gateway } of config.addresses) {
    if (!gateway) continue;
    for (const given of result) {
      const same = equalIp(ipOf(prefix(given.address, "prevResult.ips")), ipOf(address));
      if (same && given.gateway !== formatIp(gateway)) {
        const wanted = `gateway "${formatIp(gateway)}"`;
        throw new CheckError(
          `The result gives ${formatPrefix(address)} the gateway "${given.gateway ?? ""}", ` +
            `but the configuration has ${wanted}`,
        );
      }
    }
  }
}

/** The plugin. Its only work is to read its configuration. */
export const staticIpam: Ipam<StaticConfig, unknown> = {
  type: "static",
  parse: parseStatic,
  parsePlace: () => undefined,
  add: (config) => ({ result: staticResult(config), durable: () => done }),
  del: () => {},
  check: (config, { result }) => checkStatic(config, result),
  gc: () => [],
  status: () => {},
};
