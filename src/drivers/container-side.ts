/** What every link inside a container needs: sysctls, addresses, routes. */
import { type Family, parseIp } from "../lib/ip.ts";
import { formatPrefix, networkOf, parsePrefix } from "../lib/prefix.ts";
import type { KernelObject, RouteObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port, type PortIp, type PortRoute } from "../model/port.ts";
import type { HostFacts } from "./driver.ts";

/** `10.1.0.5` of `10.1.0.5/24`. */
export function hostPart(address: string): string {
  return address.slice(0, address.indexOf("/"));
}

/** The family of `10.1.0.5/24`. */
export function familyOf(address: string): Family {
  return address.includes(":") ? 6 : 4;
}

/** The first gateway of a family among a port's addresses. */
export function gatewayOf(ips: readonly PortIp[], family: Family): string | undefined {
  return ips.find((ip) => ip.gateway !== undefined && parseIp(ip.gateway).family === family)
    ?.gateway;
}

function owned(port: Port) {
  return {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    link: port.ifName,
  } as const;
}

/**
 * Values below /proc/sys/net of the container's link. Without duplicate address detection an
 * address is usable at once; with arp_notify the kernel announces addresses when the link comes up.
 * Routers are not listened to unless asked (CVE-2020-10749).
 */
export function linkSysctls(
  port: Port,
  host: HostFacts,
  options: { dad: boolean; acceptRa?: boolean },
): KernelObject[] {
  const sysctl = (path: string, value: string, link: string = port.ifName): KernelObject => ({
    ...owned(port),
    kind: "sysctl",
    path,
    value,
    link,
  });
  const conf = `net/ipv6/conf/${port.ifName}`;
  const objects = [sysctl(`net/ipv4/conf/${port.ifName}/arp_notify`, "1")];
  if (!host.ipv6) return objects;
  objects.push(sysctl(`${conf}/accept_dad`, options.dad ? "1" : "0"));
  if (options.dad) objects.push(sysctl(`${conf}/enhanced_dad`, "1"));
  // 2: also where the container forwards.
  objects.push(sysctl(`${conf}/accept_ra`, options.acceptRa ? "2" : "0"));
  if (port.ips.some((ip) => familyOf(ip.address) === 6)) {
    objects.push(sysctl(`${conf}/disable_ipv6`, "0"));
    objects.push(sysctl("net/ipv6/conf/lo/disable_ipv6", "0", "lo"));
    objects.push(sysctl(`${conf}/ndisc_notify`, "1"));
  } else if (port.ips.length > 0 && !options.acceptRa) {
    // Nobody asked for IPv6, and nobody would filter it (CVE-2024-32473).
    objects.push(sysctl(`${conf}/disable_ipv6`, "1"));
  }
  return objects;
}

/** The port's addresses on the container's link. */
export function linkAddresses(
  port: Port,
  options: { dad: boolean; prefixRoute?: false },
): KernelObject[] {
  return port.ips.map((ip) => ({
    ...owned(port),
    kind: "address",
    address: ip.address,
    ...(options.dad ? {} : { dad: false }),
    ...(options.prefixRoute === false ? { prefixRoute: false } : {}),
  }));
}

/** The port's routes; one without gateway goes through its family's gateway where there is one. */
export function linkRoutes(port: Port): RouteObject[] {
  return port.routes.map((route) => routeObject(port, route));
}

function routeObject(port: Port, route: PortRoute): RouteObject {
  const { gw, scope, dst, ...rest } = route;
  const gateway = isNone(gw) ? undefined : (gw ?? gatewayOf(port.ips, parsePrefix(dst).family));
  return {
    ...owned(port),
    kind: "route",
    // IPAM gives it as the user wrote it; the kernel takes no bits behind the prefix.
    dst: formatPrefix(networkOf(parsePrefix(dst))),
    ...rest,
    ...(gateway === undefined ? {} : { gateway }),
    ...(scope === undefined ? {} : { scopeId: scope }),
  };
}

/** So dhcp tells of a route without a router, as the reference does: no gateway is meant. */
function isNone(gw: string | undefined): boolean {
  return gw === "0.0.0.0" || gw === "::";
}
