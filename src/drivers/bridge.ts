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
import { addressGuardObjects } from "./address-guard.ts";
import { advertGuardObjects } from "./advert-guard.ts";
import { type BridgeConfig, parseBridgeConfig } from "./bridge-config.ts";
import { onUplink, uplinkObjects } from "./bridge-uplink.ts";
import { familyOf, linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver, HostFacts, ResultLink } from "./driver.ts";
import { deafToRouters, forwarding, ignoringRouters, usableAtOnce } from "./forwarding.ts";
import { macGuardObjects } from "./mac-guard.ts";
import { masqueradeObjects } from "./masquerade.ts";
import { hostOf, linkMtu, refuseTooSmall } from "./mtu.ts";
import { vethPair } from "./veth-pair.ts";

const defaultRoutes = { 4: "0.0.0.0/0", 6: "::/0" } as const;

const isFiltering = (config: BridgeConfig) => config.vlan !== 0 || config.vlanTrunk.length > 0;

/** The VLAN that the kernel puts a bridge's ports into. */
const defaultVlan = 1;

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

  network(given, name, facts) {
    const config = onUplink(given, facts);
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
        alias: host.sharedAlias,
        up: true,
        ...(config.promiscMode ? { promisc: true } : {}),
        ...(isFiltering(config) ? { vlanFiltering: true } : {}),
      },
    ];
    // With an uplink the host may live on what its network's routers advertise.
    if (config.uplink === undefined) {
      const { scope, life } = shared;
      objects.push(...ignoringRouters(host, { link: config.bridge, scope, life }));
    }
    objects.push(...uplinkObjects(config, name, facts));
    return objects;
  },

  port(port, given, facts) {
    const config = onUplink(given, facts);
    refuseTooSmall(port, config, facts);
    if (config.severalSubnets) refuseOthers(port, config, facts);
    const host = hostOf(config, facts);
    return [
      pair(port, config, host),
      ...deafToRouters(port, host),
      ...(config.isGateway ? gateway(port, config, host) : []),
      ...advertGuardObjects(port, config),
      ...(config.macspoofchk ? macGuardObjects(port) : []),
      ...(config.ipspoofchk ? addressGuardObjects(port) : []),
      ...(config.ipMasq ? masqueradeObjects(port) : []),
      ...linkSysctls(port, host, { dad: config.enabledad, acceptRa: config.acceptRa }),
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
    const hasLeg = config.vlan !== 0 && gatewayAddresses(port, config).length > 0;
    return hasLeg ? [...links, { netns: hostNetns, name: gatewayLink(config) }] : links;
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

/**
 * A port's VLANs, ascending. Frames without a tag belong to `vlan`; on a trunk without one to the
 * default VLAN. Of several entries for one VLAN the last counts, as with the reference: `vlan`
 * within the trunk is tagged, and nothing untagged passes then.
 */
function vlans(config: BridgeConfig): { vlans?: readonly BridgeVlan[] } {
  if (!isFiltering(config)) return {};
  const { vlan, vlanTrunk, preserveDefaultVlan } = config;
  const native = (vid: number): BridgeVlan => ({ vid, pvid: true, untagged: true });
  const kept: BridgeVlan[] = preserveDefaultVlan ? [{ vid: defaultVlan, untagged: true }] : [];
  const entries =
    vlan === 0 ? [...vlanTrunk, native(defaultVlan)] : [...kept, native(vlan), ...vlanTrunk];
  const last = new Map(entries.map((entry) => [entry.vid, entry]));
  return { vlans: [...last.values()].sort((a, b) => a.vid - b.vid) };
}

/** The gateway's addresses with the lengths of their subnets. */
function gatewayAddresses(port: Port, config: BridgeConfig): string[] {
  if (!config.isGateway) return [];
  return port.ips.flatMap(({ address, gateway }) => {
    if (gateway === undefined) return [];
    return [formatPrefix(prefixOf(parseIp(gateway), parsePrefix(address).length))];
  });
}

/** Whose bridge it is counts on its addresses: only on ours there may be others beside them. */
function refuseOthers(port: Port, config: BridgeConfig, facts: HostFacts): void {
  const place = { netns: hostNetns, name: gatewayLink(config) };
  const found = facts.link(place);
  const own = gatewayAddresses(port, config).filter((address) => familyOf(address) === 4);
  if (!found || found.isOurs || own.length === 0) return;
  const taken = facts
    .addresses(place)
    .find((address) => familyOf(address) === 4 && !own.includes(address));
  if (taken === undefined) return;
  throw new ConfigError(
    "bridge",
    `"${place.name}" is another's, and has the address ${taken}, not the gateway's ${own[0]}: ` +
      "name another bridge, or give the network a subnet with that gateway",
  );
}

/** The gateway's addresses on the bridge, or on a leg of it in the port's VLAN; forwarding. */
function gateway(port: Port, config: BridgeConfig, host: HostFacts): KernelObject[] {
  const shared = { netns: hostNetns, scope: networkScope(port.network), life: "shared" } as const;
  const link = gatewayLink(config);
  const addresses = gatewayAddresses(port, config).map(
    (address) => ({ ...shared, kind: "address", link, address, dad: false }) as const,
  );
  const hasLeg = config.vlan !== 0 && addresses.length > 0;
  const atOnce = usableAtOnce(port, host, { link, scope: shared.scope, life: "shared" });
  return [
    ...(hasLeg ? leg(port, config, host) : []),
    ...addresses,
    ...atOnce,
    ...forwarding(port, host),
  ];
}

/** The host's own pair into the VLAN: its port of the bridge, and the gateway's link behind it. */
function leg(port: Port, config: BridgeConfig, host: HostFacts): KernelObject[] {
  const scope = networkScope(port.network);
  const link = gatewayLink(config);
  const name = `nlv-${config.vlan}-${config.bridge}`.slice(0, 15);
  return [
    {
      ...({ netns: hostNetns, scope, life: "shared", kind: "link", type: "veth" } as const),
      name,
      mac: host.macOf(`leg port ${link}`),
      mtu: linkMtu(config, host),
      alias: host.sharedAlias,
      up: true,
      master: config.bridge,
      ...vlans({ ...config, vlanTrunk: [] }),
      peer: { netns: hostNetns, name: link, mac: host.macOf(`leg ${link}`), up: true },
    },
    ...ignoringRouters(host, { link: name, scope, life: "shared" }),
  ];
}

/**
 * Another address where the gateway's should be: any of IPv4 unless there are to be several, an
 * overlapping one of IPv6 (a bridge may serve several IPv6 subnets). `forceAddress` replaces it,
 * otherwise it is refused.
 */
function clash(config: BridgeConfig, want: AddressObject, have: AddressObject): boolean {
  if (have.link !== want.link || have.address === want.address) return false;
  const wanted = parsePrefix(want.address);
  const found = parsePrefix(have.address);
  if (wanted.family !== found.family) return false;
  const touches =
    (wanted.family === 4 && !config.severalSubnets) ||
    containsIp(found, ipOf(wanted)) ||
    containsIp(wanted, ipOf(found));
  if (!touches || config.forceAddress) return touches;
  throw new ConfigError(
    "bridge",
    `link "${want.link}" has the address ${have.address}, not the gateway's ${want.address}: ` +
      `set "forceAddress" to replace it, or name another bridge`,
  );
}

export type { BridgeConfig };
