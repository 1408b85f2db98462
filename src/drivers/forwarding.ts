/** The host forwards packets of the families that its ports use. Ensured, never reverted. */
import { hostNetns, type KernelObject, type Life } from "../model/kernel-object.ts";
import { attachmentScope, networkScope, type Port } from "../model/port.ts";
import { familyOf } from "./container-side.ts";
import type { HostFacts } from "./driver.ts";

/** Global forwarding by family; an uplink that lives on router advertisements keeps hearing. */
export function forwarding(port: Port, host: HostFacts): KernelObject[] {
  const families = new Set(port.ips.map((ip) => familyOf(ip.address)));
  const paths: [string, string][] = [];
  if (families.has(4)) paths.push(["net/ipv4/ip_forward", "1"]);
  if (families.has(6)) {
    // The kernel stops accepting advertisements the moment it forwards, unless told otherwise.
    for (const uplink of host.raUplinks) paths.push([`net/ipv6/conf/${uplink}/accept_ra`, "2"]);
    paths.push(["net/ipv6/conf/all/forwarding", "1"]);
  }
  const place = { netns: hostNetns, scope: networkScope(port.network), life: "shared" } as const;
  return paths.map(([path, value]) => ({ ...place, kind: "sysctl", path, value }));
}

/** Whose link of the host's it is. */
interface HostLink {
  readonly link: string;
  readonly scope: string;
  readonly life: Life;
}

/** The link takes no router advertisements, wherever they come from. */
export function ignoringRouters(host: HostFacts, place: HostLink): KernelObject[] {
  if (!host.ipv6) return [];
  const path = `net/ipv6/conf/${place.link}/accept_ra`;
  return [{ ...place, netns: hostNetns, kind: "sysctl", path, value: "0" }];
}

/**
 * The host's end of a container's link takes no router advertisements: a container could make
 * itself the host's default route with them (CVE-2020-10749, CVE-2020-13401).
 */
export function deafToRouters(port: Port, host: HostFacts): KernelObject[] {
  const scope = attachmentScope(port.id);
  return ignoringRouters(host, { link: port.hostLink, scope, life: "exclusive" });
}

/**
 * A link that leads to containers with IPv6 has IPv6 itself, whatever the host's default for new
 * links is, and its link-local address is usable at once. The kernel asks for
 * neighbours with it when it forwards to them, and for the second or two of duplicate address
 * detection it would not ask: what others send to a new container waited so long.
 */
export function usableAtOnce(port: Port, host: HostFacts, place: HostLink): KernelObject[] {
  if (!host.ipv6 || !port.ips.some((ip) => familyOf(ip.address) === 6)) return [];
  return ["disable_ipv6", "accept_dad"].map((name) => {
    const path = `net/ipv6/conf/${place.link}/${name}`;
    return { ...place, netns: hostNetns, kind: "sysctl", path, value: "0" };
  });
}
