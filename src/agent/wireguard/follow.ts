/**
 * Makes a WireGuard link what it should be. To wire: in the loop, once the link stands (rtnetlink,
 * kind `wireguard`), with the host's key and a peer for each `HostPeer` that has a public key.
 */
import type { WireguardLinks } from "../../kernel/netlink/wireguard-links.ts";
import type { WireguardChange, WireguardConfig } from "../../model/wireguard.ts";
import { planWireguard } from "../../plan/wireguard.ts";

/**
 * Gives what it changed: undefined where nothing differed, or where the link is not there. Throws
 * NetlinkError, AddressError on prefixes, RangeError on keys.
 */
export function followWireguard(
  links: WireguardLinks,
  name: string,
  wanted: WireguardConfig,
): WireguardChange | undefined {
  const observed = links.read(name);
  const change = observed && planWireguard(wanted, observed);
  if (change) links.change(name, change);
  return change;
}
