/** Containers on a Linux bridge. */
import { formatIp, parseIp } from "../lib/ip.ts";
import {
  containsIp,
  firstAddress,
  formatPrefix,
  ipOf,
  parsePrefix,
  prefixOf,
} from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import {
  type AddressObject,
  type BridgeVlan,
  hostNetns,
  type KernelObject,
} from "../model/kernel-object.ts";
import { networkScope, type Port, type PortIp } from "../model/port.ts";
import { type BridgeConfig, parseBridgeConfig } from "./bridge-config.ts";
import { familyOf, linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver, HostFacts, ResultLink } from "./driver.ts";
import { deafToRouters, forwarding, usableAtOnce } from "./forwarding.ts";
import { macGuardObjects } from "./mac-guard.ts";
import { masqueradeObjects } from "./masquerade.ts";
import { hostOf, linkMtu, refuseTooSmall } from "./mtu.ts";
import { vethPair } from "./veth-pair.ts";

const defaultRoutes = { 4: "0.0.0.0/0", 6: "::/0" } as const;

const isFiltering = (config: BridgeConfig) => config.vlan !== 0 || config.vlanTrunk.length > 0;

/** The link that carries the gateway's addresses: the bridge, or its leg in the VLAN. */
const gatewayLink = (config: BridgeConfig) =>
  config.vlan === 0 ? config.bridge : `${config.bridge}.${config.vlan}`;

export const bridge: Driver<BridgeConfig> = {
  networkType: "bridge",
  enforcement: "bridge",
  parse: parseBridgeConfig,

  complete(port, config) {
    if (!config.isGateway) return port;
    const ips = port.ips.map((ip) => ({ ...ip, gateway: ip.gateway ?? firstOf(ip) }));
    const routes = [...port.routes];
    for (const ip of config.isDefaultGateway ? ips : []) {
      const dst = defaultRoutes[familyOf(ip.address)];
      if (!routes.some((route) => route.gw !== undefined && route.dst === dst)) {
        routes.push({ dst, gw: ip.gateway });
      }
    }
    return { ...port, ips, routes };
  },

  network(config, name, facts) {
    const host = hostOf(config, facts);
    const shared = { netns: hostNetns, scope: networkScope(name), life: "shared" } as const;
    const objects: KernelObject[] = [
      {
        ...shared,
        kind: "link",
        type: "bridge",
        name: config.bridge,
        mac: host.macOf(`bridge ${config.bridge}`),
        mtu: linkMtu(config, host),
        alias: "netloom:cni",
        up: true,
        ...(config.promiscMode ? { promisc: true } : {}),
        ...(isFiltering(config) ? { vlanFiltering: true } : {}),
      },
    ];
    if (host.ipv6) {
      objects.push({
        ...shared,
        kind: "sysctl",
        path: `net/ipv6/conf/${config.bridge}/accept_ra`,
        value: "0",
        link: config.bridge,
      });
    }
    return objects;
  },

  port(port, config, facts) {
    refuseTooSmall(port, config, facts);
    const host = hostOf(config, facts);
    return [
      pair(port, config, host),
      ...deafToRouters(port, host),
      ...(config.isGateway ? gateway(port, config, host) : []),
      ...(config.macspoofchk ? macGuardObjects(port) : []),
      ...(config.ipMasq ? masqueradeObjects(port) : []),
      ...linkSysctls(port, host, { dad: config.enabledad }),
      ...linkAddresses(port, { dad: config.enabledad }),
      ...linkRoutes(port),
    ];
  },

  links(port, config) {
    const links: ResultLink[] = [
      { netns: hostNetns, name: config.bridge },
      { netns: hostNetns, name: port.hostLink },
      { netns: port.netns, name: port.ifName },
    ];
    return links;
  },

  gatewayLink: (_port, config) => gatewayLink(config),

  conflicts(config, desired, observed) {
    return observed.filter((have) => desired.some((want) => clash(config, want, have)));
  },
};

/** The first address of an address's subnet: the gateway where IPAM names none. */
function firstOf(ip: PortIp): string {
  const prefix = parsePrefix(ip.address);
  const network = firstAddress(prefix);
  return formatIp({ family: network.family, value: network.value + 1n });
}

function pair(port: Port, config: BridgeConfig, host: HostFacts): KernelObject {
  const link = vethPair(port, linkMtu(config, host));
  return {
    ...link,
    master: config.bridge,
    bridgePort: { hairpin: config.hairpinMode, isolated: config.portIsolation },
    ...vlans(config),
    peer: { ...link.peer, up: !config.disableContainerInterface },
  };
}

/** A port's VLANs. Without `preserveDefaultVlan` the default VLAN 1 is not among them. */
function vlans(config: BridgeConfig): { vlans?: readonly BridgeVlan[] } {
  if (!isFiltering(config)) return {};
  const kept: BridgeVlan[] = config.preserveDefaultVlan
    ? [{ vid: 1, untagged: true, ...(config.vlan === 0 ? { pvid: true } : {}) }]
    : [];
  const own: BridgeVlan[] =
    config.vlan === 0 ? [...config.vlanTrunk] : [{ vid: config.vlan, pvid: true, untagged: true }];
  return { vlans: [...kept.filter((vlan) => !own.some((o) => o.vid === vlan.vid)), ...own] };
}

/** The gateway's addresses on the bridge, or on a leg of it in the port's VLAN; forwarding. */
function gateway(port: Port, config: BridgeConfig, host: HostFacts): KernelObject[] {
  const shared = { netns: hostNetns, scope: networkScope(port.network), life: "shared" } as const;
  const link = gatewayLink(config);
  const addresses: KernelObject[] = port.ips.flatMap((ip) => {
    if (ip.gateway === undefined) return [];
    const { length } = parsePrefix(ip.address);
    const address = formatPrefix(prefixOf(parseIp(ip.gateway), length));
    return [{ ...shared, kind: "address", link, address, dad: false } as const];
  });
  const leg: KernelObject[] =
    config.vlan === 0
      ? []
      : [
          {
            ...shared,
            kind: "link",
            type: "veth",
            name: `nlv-${config.vlan}-${config.bridge}`.slice(0, 15),
            mac: host.macOf(`leg port ${link}`),
            mtu: linkMtu(config, host),
            alias: "netloom:cni",
            up: true,
            master: config.bridge,
            ...vlans({ ...config, vlanTrunk: [] }),
            peer: { netns: hostNetns, name: link, mac: host.macOf(`leg ${link}`), up: true },
          },
        ];
  const atOnce = usableAtOnce(port, host, { link, scope: shared.scope, life: "shared" });
  return [...leg, ...addresses, ...atOnce, ...forwarding(port, host)];
}

/**
 * Another address where the gateway's should be: any of IPv4, an overlapping one of IPv6 (a bridge
 * may serve several IPv6 subnets). `forceAddress` replaces it, otherwise it is refused.
 */
function clash(config: BridgeConfig, want: AddressObject, have: AddressObject): boolean {
  if (have.link !== want.link || have.address === want.address) return false;
  const wanted = parsePrefix(want.address);
  const found = parsePrefix(have.address);
  if (wanted.family !== found.family) return false;
  const touches =
    wanted.family === 4 || containsIp(found, ipOf(wanted)) || containsIp(wanted, ipOf(found));
  if (!touches || config.forceAddress) return touches;
  throw new ConfigError(
    "bridge",
    `link "${want.link}" has the address ${have.address}, not the gateway's ${want.address}: ` +
      `set "forceAddress" to replace it, or name another bridge`,
  );
}

export type { BridgeConfig };
