/** What a subnet's object says to the ports on it. */

import type { Subnet } from "../../api/kinds/index.ts";
import type { SubnetName } from "../../ipam/block.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { gatewayOf } from "../../model/kept-addresses.ts";
import type { PortIp, PortRoute } from "../../model/port.ts";

export const subnetName = ({ metadata }: Subnet): SubnetName => ({
  namespace: metadata.namespace!,
  name: metadata.name,
});

/** An address of a port and the subnet that it is of. */
export interface SubnetAddress {
  readonly address: string;
  readonly subnet: Subnet;
}

const everywhere = { 4: "0.0.0.0/0", 6: "::/0" } as const;

/** How a port's routes lead away. */
export interface RouteContext {
  /** The link carries no neighbours, so routes lead to the link alone. */
  readonly isRouted: boolean;
  /** Families that another network of the container leads everywhere with. */
  readonly taken?: readonly (4 | 6)[];
}

/** `isRouted`: as of `RouteContext`. */
export function portIps(given: readonly SubnetAddress[], isRouted: boolean): PortIp[] {
  return given.map(({ address, subnet }) => ({
    address: `${address}/${parsePrefix(subnet.spec.cidr).length}`,
    ...(!isRouted && { gateway: gatewayOf(subnet.spec) }),
  }));
}

/**
 * The default route of each family by its first subnet, then what subnets name. No default route
 * of a family that is taken, though a subnet names it: the kernel has one.
 */
export function portRoutes(
  given: readonly SubnetAddress[],
  { isRouted, taken = [] }: RouteContext,
): PortRoute[] {
  const via = (gw: string) => (isRouted ? {} : { gw });
  const families = new Map<4 | 6, PortRoute>();
  const own: PortRoute[] = [];
  for (const { subnet } of given) {
    const { family } = parsePrefix(subnet.spec.cidr);
    const gateway = gatewayOf(subnet.spec);
    if (!families.has(family)) families.set(family, { dst: everywhere[family], ...via(gateway) });
    for (const { destination, nextHop } of subnet.spec.routes ?? []) {
      if (own.some(({ dst }) => dst === destination)) continue;
      own.push({ dst: destination, ...via(nextHop ?? gateway) });
    }
  }
  const named = new Set(own.map(({ dst }) => dst));
  const refused = new Set<string>(taken.map((family) => everywhere[family]));
  return [...[...families.values()].filter(({ dst }) => !named.has(dst)), ...own].filter(
    ({ dst }) => !refused.has(dst),
  );
}

/** What ports are told of DNS: servers and domains of all their subnets. */
export function portDns(given: readonly SubnetAddress[]) {
  const told = given.flatMap(({ subnet }) => subnet.spec.dns ?? []);
  const all = (field: "nameservers" | "search" | "options") => [
    ...new Set(told.flatMap((dns) => dns[field] ?? [])),
  ];
  const domain = told.find((dns) => dns.domain !== undefined)?.domain;
  return {
    nameservers: all("nameservers"),
    ...(domain !== undefined && { domain }),
    search: all("search"),
    options: all("options"),
  };
}
