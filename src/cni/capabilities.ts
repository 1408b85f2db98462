/** What a runtime gives to any link plugin through `runtimeConfig`, checked. */
import { ipAddress, listOf, macAddress, object, text, unlessEmpty } from "../model/parse.ts";
import type { Call } from "./plugin.ts";
import type { Dns } from "./types.ts";

/** The runtime's wish counts more than the user's, and that more than CNI_ARGS. */
export function requestedMac(call: Call): string | undefined {
  const wish = unlessEmpty(macAddress);
  return (
    wish(call.runtimeConfig.mac, "runtimeConfig.mac") ??
    wish(call.conf.cniArgs.mac, "args.cni.mac") ??
    wish(call.args.values.get("MAC"), "CNI_ARGS MAC")
  );
}

const resolver = object({
  servers: listOf(ipAddress),
  searches: listOf(text),
  options: listOf(text),
});

/** The resolver that the capability `dns` asks for; undefined if it asks for none. */
export function requestedDns(call: Call): Dns | undefined {
  const wish = call.runtimeConfig.dns;
  if (wish === undefined || wish === null) return undefined;
  const { servers, searches, options } = resolver(wish, "runtimeConfig.dns");
  const dns = { nameservers: servers, search: searches, options };
  return isSet(dns) ? dns : undefined;
}

/** Other names of the container on this network, of the capability `aliases`. */
export function requestedAliases(call: Call): readonly string[] {
  return listOf(text)(call.runtimeConfig.aliases, "runtimeConfig.aliases");
}

/** Whether any field holds something. */
export function isSet(dns: Dns): boolean {
  return Object.values(dns).some((value) => value !== undefined && value.length > 0);
}
