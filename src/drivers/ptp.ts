/** Containers each on a link of their own to the host, which routes between them. */
import { addressBits, parseIp } from "../lib/ip.ts";
import { formatPrefix, networkOf, parsePrefix, prefixOf } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port, type PortIp } from "../model/port.ts";
import { hostPart, linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver } from "./driver.ts";
import { deafToRouters, forwarding, usableAtOnce } from "./forwarding.ts";
import { masqueradeObjects } from "./masquerade.ts";
import { hostOf, linkMtu, refuseTooSmall } from "./mtu.ts";
import { type PtpConfig, parsePtpConfig } from "./ptp-config.ts";
import { vethPair } from "./veth-pair.ts";

const scopeLink = 253;
const scopeHost = 254;

export const ptp: Driver<PtpConfig> = {
  networkType: "ptp",
  enforcement: "inet",
  parse: parsePtpConfig,

  complete(port) {
    if (port.ips.length === 0) {
      throw new ConfigError("ipam", "is missing: a point-to-point link leads to addresses only");
    }
    const bare = port.ips.find((ip) => ip.gateway === undefined);
    if (!bare) return port;
    throw new ConfigError(
      "ipam",
      `IPAM gave ${bare.address} without a gateway, which a point-to-point link needs: set "gateway"`,
    );
  },

  network: () => [],

  port(port, config, facts) {
    refuseTooSmall(port, config, facts);
    const host = hostOf(config, facts);
    return [
      vethPair(port, linkMtu(config, host)),
      ...deafToRouters(port, host),
      ...port.ips.flatMap((ip) => [...hostSide(port, ip), ...throughGateway(port, ip)]),
      ...forwarding(port, host),
      ...usableAtOnce(port, host, {
        link: port.hostLink,
        scope: attachmentScope(port.id),
        life: "exclusive",
      }),
      ...(config.ipMasq ? masqueradeObjects(port) : []),
      ...linkSysctls(port, host, { dad: false, acceptRa: config.acceptRa }),
      ...linkAddresses(port, { dad: false, prefixRoute: false }),
      ...linkRoutes(port),
    ];
  },

  gatewayLink: (port) => port.hostLink,

  links: (port) => [
    { netns: hostNetns, name: port.hostLink },
    { netns: port.netns, name: port.ifName },
  ],
};

/** The whole address as a prefix: `10.1.0.5/32`. */
function single(address: string): string {
  const ip = parseIp(address);
  return formatPrefix(prefixOf(ip, addressBits(ip.family)));
}

/** The host's end bears the gateway's address and leads to the container's. */
function hostSide(port: Port, ip: PortIp): KernelObject[] {
  const place = {
    netns: hostNetns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    link: port.hostLink,
  } as const;
  return [
    { ...place, kind: "address", address: single(ip.gateway!), dad: false },
    { ...place, kind: "route", dst: single(hostPart(ip.address)), scopeId: scopeHost },
  ];
}

/** In the container even its own subnet lies behind the gateway: nothing else is on the link. */
function throughGateway(port: Port, ip: PortIp): KernelObject[] {
  const place = {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    link: port.ifName,
    kind: "route",
    source: hostPart(ip.address),
  } as const;
  const gateway = ip.gateway!;
  const subnet = formatPrefix(networkOf(parsePrefix(ip.address)));
  return [
    { ...place, dst: single(gateway), scopeId: scopeLink },
    { ...place, dst: subnet, gateway, scopeId: 0 },
  ];
}
