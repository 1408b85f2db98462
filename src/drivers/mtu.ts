/** Bounds of a link's MTU. */
import { ConfigError } from "../model/config-error.ts";
import { integer, type Parser, withDefault, wrong } from "../model/parse.ts";
import type { Port } from "../model/port.ts";
import { familyOf } from "./container-side.ts";
import type { HostFacts } from "./driver.ts";

/** The largest that veth and bridges take. Source: ETH_MAX_MTU in uapi/linux/if_ether.h. */
const maxMtu = 65535;

/** The smallest that veth takes, and that IPv4 needs. Source: ETH_MIN_MTU. */
const minMtu = 68;

const whole = integer(0, maxMtu);

/** An MTU in bytes as configured; 0, as the uplink's, where it is absent. */
export const mtu: Parser<number> = withDefault((value, path) => {
  const bytes = whole(value, path);
  return bytes === 0 || bytes >= minMtu ? bytes : wrong(`0, or ${minMtu} or more`, value, path);
}, 0);

/** What IPv6 needs; the kernel has none on a link with less. Source: RFC 8200, section 5. */
const minMtu6 = 1280;

/** The MTU in bytes of a network's links. */
export function linkMtu(config: { readonly mtu: number }, host: HostFacts): number {
  return config.mtu === 0 ? host.uplinkMtu : config.mtu;
}

/** The host as seen from links of the network: without IPv6 where their MTU is too small for it. */
export function hostOf(config: { readonly mtu: number }, host: HostFacts): HostFacts {
  if (linkMtu(config, host) >= minMtu6) return host;
  // Named one by one: the host's facts are looked up when asked for, and most never are.
  return {
    macOf: host.macOf,
    sha512: host.sha512,
    foreignForward: host.foreignForward,
    link: host.link,
    tablesInUse: host.tablesInUse,
    vrfs: host.vrfs,
    device: host.device,
    instance: host.instance,
    sharedAlias: host.sharedAlias,
    links: host.links,
    defaultLink: host.defaultLink,
    addresses: host.addresses,
    vlanLink: host.vlanLink,
    findChild: host.findChild,
    otherMacs: host.otherMacs,
    sysctl: host.sysctl,
    sysctlAllowlist: host.sysctlAllowlist,
    get uplinkMtu() {
      return host.uplinkMtu;
    },
    raUplinks: [],
    ipv6: false,
  };
}

/** Throws ConfigError for an IPv6 address on a link whose MTU is too small for it. */
export function refuseTooSmall(
  port: Port,
  config: { readonly mtu: number },
  host: HostFacts,
): void {
  const bytes = linkMtu(config, host);
  const ip = port.ips.find(({ address }) => familyOf(address) === 6);
  if (!ip || bytes >= minMtu6) return;
  throw new ConfigError(
    "mtu",
    `${bytes} is too small for the IPv6 address ${ip.address}: take ${minMtu6} or more`,
  );
}
