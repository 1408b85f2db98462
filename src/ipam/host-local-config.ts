/** Reads the whole configuration of the `host-local` plugin, as the reference's 1.9.1 takes it. */
import { equalIp, formatIp, type Ip } from "../lib/ip.ts";
import { ConfigError } from "../model/config-error.ts";
import {
  listOf,
  object,
  optional,
  record,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import type { PortRoute } from "../model/port.ts";
import { checkFamilies, fromCniArgs, ipMaybeWithLength, routes } from "./parse.ts";
import { formatRangeSet, isGateway, parseRangeSets, type RangeSet, rangeFor } from "./range-set.ts";

/** Where the reference keeps reservations unless `dataDir` says otherwise. */
const defaultDataDir = "/var/lib/cni/networks";

/** Which directory holds a network's reservations: `<dataDir>/<network>`. */
export interface StorePlace {
  readonly dataDir: string;
  readonly network: string;
}

/** A checked configuration. */
export interface HostLocalConfig extends StorePlace {
  /** One address is given from each. */
  readonly rangeSets: readonly RangeSet[];
  /** For each range set the address that it must give, if one was asked for. */
  readonly requested: readonly (Ip | undefined)[];
  readonly routes: readonly PortRoute[];
  /** Path of a file in resolv.conf's format; the result's `dns` is read from it. */
  readonly resolvConf?: string;
}

const document = object({
  name: withDefault(text, ""),
  cniVersion: optional(text),
  ipam: record,
  runtimeConfig: withDefault(object({ ipRanges: anyValue, ips: listOf(ipMaybeWithLength) }), {
    ipRanges: undefined,
    ips: [],
  }),
  args: withDefault(
    object({ cni: withDefault(object({ ips: listOf(ipMaybeWithLength) }), { ips: [] }) }),
    { cni: { ips: [] } },
  ),
});

function anyValue(value: unknown): unknown {
  return value;
}

const ipamFields = object({
  dataDir: unlessEmpty(text),
  routes,
  resolvConf: unlessEmpty(text),
});

/**
 * Checks a configuration, the document that the plugin gets whole. `cniArgs` is CNI_ARGS in
 * pairs, of which `IP` counts. Throws ConfigError.
 */
export function parseHostLocal(
  input: unknown,
  cniArgs: ReadonlyMap<string, string> = new Map(),
): HostLocalConfig {
  const { name, cniVersion, ipam, runtimeConfig, args } = document(input, "");
  const { dataDir, ...fields } = ipamFields(ipam, "ipam");
  const rangeSets = parseRangeSets(ipam, runtimeConfig.ipRanges);
  const families = rangeSets.map((set) => set[0]!.subnet.family);
  checkFamilies(families, { cniVersion, path: "ipam.ranges" });
  const inArgs = fromCniArgs(cniArgs, "IP", ipMaybeWithLength);
  const wishes = [
    ...(inArgs ? [{ ip: inArgs, path: "CNI_ARGS IP" }] : []),
    ...args.cni.ips.map((each, i) => ({ ip: each, path: `args.cni.ips[${i}]` })),
    ...runtimeConfig.ips.map((each, i) => ({ ip: each, path: `runtimeConfig.ips[${i}]` })),
  ];
  return {
    network: name,
    dataDir: dataDir ?? defaultDataDir,
    rangeSets,
    requested: assign(wishes, rangeSets),
    ...fields,
  };
}

interface Wish {
  readonly ip: Ip;
  readonly path: string;
}

/** Which range set gives which requested address. The same address may be asked for repeatedly. */
function assign(wishes: readonly Wish[], sets: readonly RangeSet[]): (Ip | undefined)[] {
  const given: (Ip | undefined)[] = sets.map(() => undefined);
  for (const { ip: wish, path } of wishes) {
    const address = formatIp(wish);
    const index = sets.findIndex((set) => rangeFor(set, wish));
    if (index < 0) {
      const ranges = sets.map(formatRangeSet).join(" or ");
      throw new ConfigError(path, `"${address}" is not in the network's ranges ${ranges}`);
    }
    if (isGateway(sets, wish)) {
      throw new ConfigError(path, `"${address}" is the gateway's: ask for another address`);
    }
    const other = given[index];
    if (other && !equalIp(other, wish)) {
      const message = `"${address}" cannot be given beside "${formatIp(other)}"`;
      throw new ConfigError(path, `${message}: a range set gives one address`);
    }
    given[index] = wish;
  }
  return given;
}

/**
 * The place alone, for DEL and GC, which must clean up whatever else is wrong with the
 * configuration. A wrong `dataDir` counts as absent.
 */
export function parseStorePlace(input: unknown): StorePlace {
  const { name, ipam } = object({ name: withDefault(text, ""), ipam: anyValue })(input, "");
  return { network: name, dataDir: dataDirOf(ipam) };
}

function dataDirOf(ipam: unknown): string {
  try {
    return object({ dataDir: unlessEmpty(text) })(ipam, "ipam").dataDir ?? defaultDataDir;
  } catch (error) {
    if (error instanceof ConfigError) return defaultDataDir;
    throw error;
  }
}
