/** What routed networks want of the host's WireGuard link. Pure. */
import { isEncrypted, type UnderlayProtocol } from "../../model/encapsulation.ts";
import { tunnelLink } from "../wireguard/tunnel-address.ts";
import type { Entries, TunnelEntry } from "./entries.ts";
import type { RoutedView } from "./view.ts";

export interface WireguardNeeds {
  /** By host: prefixes behind it; undefined: no network has this backend. */
  readonly needs: ReadonlyMap<string, readonly string[]> | undefined;
  /** By host: what the link's packets to it are to travel by. */
  readonly protocols: ReadonlyMap<string, UnderlayProtocol>;
}

/** `told`: what is to stay for now although no network wants it. */
export function wireguardNeeds(view: RoutedView, told: Entries<TunnelEntry>): WireguardNeeds {
  const hosts = new Map<string, string>();
  const protocols = new Map<string, UnderlayProtocol>();
  const networks = view.networks.filter(({ spec }) => isEncrypted(spec));
  for (const { spec, elsewhere } of networks) {
    const { underlayProtocol: protocol = "ipv4" } = spec;
    for (const [host, prefixes] of elsewhere) {
      for (const prefix of prefixes) hosts.set(prefix, host);
      // Where networks differ: what fits by IPv6 fits by IPv4.
      if (protocol === "ipv4" || !protocols.has(host)) protocols.set(host, protocol);
    }
  }
  for (const entry of told.values()) {
    if (entry.kind !== "peer" || entry.device !== tunnelLink) continue;
    if (!hosts.has(entry.dst)) hosts.set(entry.dst, entry.endpoint);
  }
  if (networks.length === 0 && hosts.size === 0) return { needs: undefined, protocols };
  const needs = new Map<string, string[]>();
  for (const [prefix, host] of hosts) {
    const known = needs.get(host);
    if (known) known.push(prefix);
    else needs.set(host, [prefix]);
  }
  return { needs, protocols };
}
