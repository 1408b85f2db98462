/**
 * Containers each on a link of their own to the host, which has a route to each address, and one
 * gateway that is the same on each link.
 */
import { addressBits, canonicalIp, type Family, parseIp } from "../lib/ip.ts";
import { containsPrefix, formatPrefix, networkOf, parsePrefix, prefixOf } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject, type RouteObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port, type PortIp, type PortRoute } from "../model/port.ts";
import { familyOf, hostPart, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver, HostFacts } from "./driver.ts";
import { deafToRouters, forwarding, usableAtOnce } from "./forwarding.ts";
import { masqueradeBeyond } from "./masquerade.ts";
import { hostOf, linkMtu, refuseTooSmall } from "./mtu.ts";
import { parseRoutedConfig, type RoutedConfig } from "./routed-config.ts";
import { sourceGuardObjects } from "./source-guard.ts";
import { vethPair } from "./veth-pair.ts";

/** On the host's end of every link. */
export const routedGateways = { 4: "169.254.1.1", 6: "fe80::1" } as const;
/** Of the host's end of every link, so that containers know it without asking. */
export const routedGatewayMac = "fe:6e:6c:00:00:01";

const scopeLink = 253;
const families = [4, 6] as const;

export const routed: Driver<RoutedConfig> = {
  networkType: "routed",
  enforcement: "inet",
  parse: parseRoutedConfig,

  complete(port) {
    if (port.ips.length === 0) {
      throw new ConfigError("ipam", "is missing: a routed link leads to addresses only");
    }
    const subnets = [...new Set(port.ips.map(({ address }) => subnetOf(address)))];
    const routes = port.routes.map((route) => byTheHost(route, port.ips));
    const named = new Set(routes.map(({ dst }) => dst));
    // Even they lie behind the gateway, also where the default route is another network's.
    const own = subnets.filter((subnet) => !named.has(subnet) && !isSingle(subnet));
    return {
      ...port,
      subnets,
      ips: port.ips.map(({ address }) => ({
        address: single(hostPart(address)),
        gateway: routedGateways[familyOf(address)],
      })),
      routes: [...own.map((dst) => ({ dst })), ...routes],
    };
  },

  network: () => [],

  port(port, config, facts) {
    refuseTooSmall(port, config, facts);
    const host = hostOf(config, facts);
    return [
      { ...vethPair(port, linkMtu(config, host)), mac: routedGatewayMac },
      ...deafToRouters(port, host),
      ...onHost(port),
      ...forwarding(port, host),
      ...usableAtOnce(port, host, {
        link: port.hostLink,
        scope: attachmentScope(port.id),
        life: "exclusive",
      }),
      ...(config.ipMasq ? masqueradeBeyond(port, sparedBy(config, port), host.sha512) : []),
      ...(config.ipspoofchk ? sourceGuardObjects(port) : []),
      ...linkSysctls(port, host, { dad: false, acceptRa: config.acceptRa }),
      ...inContainer(port, host),
    ];
  },

  gatewayLink: (port) => port.hostLink,

  links: (port) => [
    { netns: hostNetns, name: port.hostLink },
    { netns: port.netns, name: port.ifName },
  ],
};

/** IPAM's gateways are nowhere: what leads by them leads by the host. Throws ConfigError. */
function byTheHost(route: PortRoute, ips: readonly PortIp[]): PortRoute {
  const { gw, ...rest } = route;
  if (gw === undefined) return route;
  const address = canonicalIp(gw);
  const isKnown = Object.values<string>(routedGateways).includes(address);
  if (isKnown || ips.some(({ gateway }) => gateway === gw)) return rest;
  throw new ConfigError(
    "ipam",
    `route ${route.dst} leads by ${gw}, and a routed link leads to the host alone: leave "gw" out`,
  );
}

/** The whole address as a prefix: `10.1.0.5/32`. */
function single(address: string): string {
  const ip = parseIp(address);
  return formatPrefix(prefixOf(ip, addressBits(ip.family)));
}

const subnetOf = (address: string): string => formatPrefix(networkOf(parsePrefix(address)));

const isSingle = (prefix: string): boolean => {
  const { family, length } = parsePrefix(prefix);
  return length === addressBits(family);
};

/** Prefixes that see the container's own address. */
const sparedBy = ({ unmasqueraded }: RoutedConfig, { subnets = [] }: Port): string[] => [
  ...unmasqueraded.map(subnetOf),
  ...subnets,
];

const familiesOf = ({ ips }: Port): Family[] =>
  families.filter((family) => ips.some(({ address }) => familyOf(address) === family));

/** The host's end bears the gateways, and leads to the container's addresses. */
function onHost(port: Port): KernelObject[] {
  const place = {
    netns: hostNetns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    link: port.hostLink,
  } as const;
  const leading = port.ips.flatMap(({ address: given }): KernelObject[] => {
    return [
      { ...place, kind: "route", dst: given, scopeId: scopeLink },
      { ...place, kind: "neigh", address: hostPart(given), mac: port.mac },
    ];
  });
  const gateways = familiesOf(port).map((family): KernelObject => {
    return { ...place, kind: "address", address: single(routedGateways[family]), dad: false };
  });
  return [...gateways, ...leading];
}

/**
 * Nothing is on the link but the gateway. Routes prefer an address of the link as their source:
 * else the kernel might take one of another link of the container's.
 */
function inContainer(port: Port, host: HostFacts): KernelObject[] {
  const place = {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    link: port.ifName,
  } as const;
  const addresses = port.ips.map(({ address }): KernelObject => {
    return { ...place, kind: "address", address, dad: false };
  });
  const neighs = familiesOf(port).map((family): KernelObject => {
    return { ...place, kind: "neigh", address: routedGateways[family], mac: routedGatewayMac };
  });
  const routes = linkRoutes(port).map((route) => withSource(port, route));
  return [...addresses, ...neighs, ...toGateway(port, host), ...routes];
}

/**
 * The gateway's own address, for what the host itself sends. Each link has such a route, told apart
 * by its priority: a container may be on several routed networks.
 */
function toGateway(port: Port, { sha512 }: HostFacts): RouteObject[] {
  const source = sourceOf(port, 4);
  if (source === undefined) return [];
  return [
    {
      netns: port.netns,
      scope: attachmentScope(port.id),
      life: "exclusive",
      link: port.ifName,
      kind: "route",
      dst: single(routedGateways[4]),
      source,
      scopeId: scopeLink,
      priority: Number.parseInt(sha512(port.ifName).slice(0, 4), 16),
    },
  ];
}

/** Of several addresses of its family a subnet gets the one that is of it. */
function withSource(port: Port, route: RouteObject): RouteObject {
  const subnet = parsePrefix(route.dst);
  const own = port.ips.find(({ address }) => containsPrefix(subnet, parsePrefix(address)));
  const isOwn = own !== undefined && port.subnets?.includes(route.dst);
  const source = isOwn ? hostPart(own.address) : sourceOf(port, subnet.family);
  const isOnlink = route.gateway === routedGateways[4];
  return { ...route, ...(source !== undefined && { source }), ...(isOnlink && { onlink: true }) };
}

/** The first one of the family. */
function sourceOf({ ips }: Port, family: Family): string | undefined {
  const first = ips.find(({ address }) => familyOf(address) === family)?.address;
  return first === undefined ? undefined : hostPart(first);
}
