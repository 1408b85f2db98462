/** The `dhcp` plugin: addresses from the servers of the container's own network. */
import { type Paths, pathsFromEnv } from "../../engine/paths.ts";
import { clientIdOf, daemonSocketOf, parseDhcp } from "../../ipam/dhcp-config.ts";
import { done } from "../../lib/begun.ts";
import type { DhcpCall, DhcpLease, HeldLease, LeaseHolder } from "../../model/dhcp.ts";
import {
  callDaemon,
  callDaemonIfAny,
  type DaemonPlace,
  requireDaemon,
  tellRunningDaemon,
} from "../dhcp-daemon.ts";
import { CniError, cniCodes, toCniError } from "../errors.ts";
import type { Ipam } from "../ipam.ts";
import type { Call } from "../plugin.ts";
import type { Result } from "../types.ts";

export const dhcpIpam: Ipam = {
  type: "dhcp",
  needsLink: true,

  async reserve(call) {
    const result = resultOf(await acquire(call));
    // The daemon has written it before it answered.
    return { result, durable: () => done };
  },

  async giveUp(call) {
    const place = placeOf(call, daemonSocketOf(call.conf.raw));
    await tellRunningDaemon(place, { verb: "giveUp", holder: holderOf(call) });
  },

  async release(call) {
    await letGo(call, { verb: "release", holder: holderOf(call) });
  },

  /** One that no daemon knows is asked for again, and the server says whether it still stands. */
  async check(call) {
    const ips = call.prevResult?.ips ?? [];
    const keep = ips.map(({ address }) => address.split("/")[0]!);
    const leases = await acquire(call, keep);
    for (const { address } of leases.flatMap((lease) => lease.ips)) {
      if (ips.some((ip) => ip.address === address)) continue;
      throw new CniError(
        cniCodes.checkFailed,
        `"${call.containerId}" has a lease of ${address} for "${call.ifName}", which the result ` +
          "of ADD doesn't name: DEL and ADD it again",
      );
    }
  },

  async gc(call, valid) {
    const freed = await letGo(call, { verb: "collect", network: call.conf.name, valid });
    return freed.map(({ holder: { containerId, ifName } }) => ({ containerId, ifName }));
  },

  async status(call) {
    parseDhcp(call.conf.raw, call.args.values);
    await requireDaemon(placeOf(call));
  },
};

async function acquire(call: Call, keep?: readonly string[]): Promise<DhcpLease[]> {
  const { order, socketPath } = parseDhcp(call.conf.raw, call.args.values);
  const holder = holderOf(call);
  const leases = await callDaemon(placeOf(call, socketPath), {
    verb: "acquire",
    holder,
    netns: absolute(call.netns!),
    order: { clientId: clientIdOf(holder), ...order },
    ...(keep && { keep }),
  });
  return leases.map(({ lease }) => lease);
}

/** DEL and GC succeed in the end: the daemon itself drops a lease whose namespace is gone. */
async function letGo(call: Call, daemonCall: DhcpCall): Promise<readonly HeldLease[]> {
  try {
    return await callDaemonIfAny(placeOf(call, daemonSocketOf(call.conf.raw)), daemonCall);
  } catch (error) {
    call.log({ level: "warn", event: "lease not released", error: toCniError(error).message });
    return [];
  }
}

function placeOf(call: Call, socketPath?: string): DaemonPlace {
  const paths: Paths = pathsFromEnv(process.env);
  return { paths, log: call.log, ...(socketPath !== undefined && { socketPath }) };
}

function holderOf({ containerId, ifName, conf }: Call): LeaseHolder {
  return { containerId, ifName, network: conf.name };
}

/** The daemon has a working directory of its own. */
function absolute(path: string): string {
  return path.startsWith("/") ? path : `${process.cwd()}/${path}`;
}

/** What both families gave, IPv4 first. */
function resultOf(leases: readonly DhcpLease[]): Result {
  const nameservers = leases.flatMap(({ dns }) => dns.nameservers ?? []);
  const search = [...new Set(leases.flatMap(({ dns }) => dns.search ?? []))];
  const domain = leases.find(({ dns }) => dns.domain)?.dns.domain;
  return {
    interfaces: [],
    ips: leases.flatMap(({ ips }) => ips),
    routes: leases.flatMap(({ routes }) => routes),
    dns: {
      ...(nameservers.length > 0 && { nameservers }),
      ...(domain && { domain }),
      ...(search.length > 0 && { search }),
    },
  };
}
