/** The `host-local` plugin: addresses from ranges, kept in files on this host. */

import { CheckError, UnavailableError } from "../../ipam/errors.ts";
import {
  type HostLocalConfig,
  parseHostLocal,
  parseStorePlace,
  type StorePlace,
} from "../../ipam/host-local-config.ts";
import type { Ipam, IpamPaths } from "../../ipam/ipam.ts";
import type { Resolver } from "../../ipam/parse.ts";
import { rangeFor } from "../../ipam/range-set.ts";
import { parseResolvConf } from "../../ipam/resolv-conf.ts";
import { existsSync, readFileSync } from "../../kernel/sys/files.ts";
import { equalIp, formatIp } from "../../lib/ip.ts";
import { parentOf } from "../../lib/path.ts";
import { ipOf, parsePrefix } from "../../lib/prefix.ts";
import { attempt } from "./error.ts";
import { ownerText } from "./reservation-directory.ts";
import { openStore } from "./store.ts";

export const hostLocalIpam: Ipam<HostLocalConfig, StorePlace> = {
  type: "host-local",
  parse: parseHostLocal,
  parsePlace: parseStorePlace,

  add(config, { containerId, ifName }, paths) {
    const dns = resolverOf(config);
    const store = open(config, paths);
    const { rangeSets, requested, routes } = config;
    const ips = store.reserve({ containerId, ifName, rangeSets, requested });
    return { result: { ips, routes, dns }, durable: () => store.durable() };
  },

  del(place, attachment, paths) {
    open(place, paths).release(attachment);
  },

  /** Each result address of our ranges must be the attachment's; other plugins give others. */
  check(config, { containerId, ifName, result }, paths) {
    const held = open(config, paths).find({ containerId, ifName });
    if (held.length === 0) {
      throw new CheckError(
        `"${containerId}" has no address for "${ifName}" in network "${config.network}": ` +
          "DEL and ADD it again",
      );
    }
    for (const { address } of result) {
      const ip = ipOf(parsePrefix(address));
      const isOurs = config.rangeSets.some((set) => rangeFor(set, ip));
      if (isOurs && !held.some((each) => equalIp(each, ip))) {
        const reserved = held.map(formatIp).join(", ");
        throw new CheckError(
          `"${containerId}" uses ${formatIp(ip)} for "${ifName}", but ${reserved} is reserved: ` +
            "DEL and ADD it again",
        );
      }
    }
  },

  gc(place, valid, paths) {
    const freed = open(place, paths).gc(valid);
    const owners = freed.flatMap(({ owner }) => owner ?? []);
    const unique = new Map(owners.map((owner) => [ownerText(owner), owner]));
    return [...unique.values()].map(({ containerId, ifName = "" }) => ({ containerId, ifName }));
  },

  status(config, paths) {
    checkWritable(`${config.dataDir}/${config.network}`);
    resolverOf(config);
    for (const { ranges, size, used } of open(config, paths).status(config.rangeSets)) {
      if (used < size) continue;
      throw new UnavailableError(
        `No address is free in ${ranges}: ${used} of ${size} are reserved; ` +
          "remove containers or widen the range",
      );
    }
  },
};

const open = ({ dataDir, network }: StorePlace, { stateDir, runDir }: IpamPaths) =>
  openStore({ dataDir, network, stateDir, runDir });

function resolverOf({ resolvConf }: HostLocalConfig): Resolver {
  if (resolvConf === undefined) return {};
  const file = attempt(`read ipam.resolvConf "${resolvConf}"`, () => readFileSync(resolvConf));
  return parseResolvConf(file);
}

/** Throws StoreError unless the directory, or the nearest above it that exists, takes files. */
function checkWritable(path: string): void {
  const { accessSync, constants } = process.getBuiltinModule("node:fs");
  let at = path;
  while (!existsSync(at) && at !== parentOf(at)) at = parentOf(at);
  attempt(`write in "${at}"`, () => accessSync(at, constants.W_OK));
}
