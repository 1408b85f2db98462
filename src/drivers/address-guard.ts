/** A port speaks for its own addresses only. */
import { linkLocalOf } from "../lib/link-local.ts";
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { familyOf, hostPart } from "./container-side.ts";
import { bridgeTable } from "./skeleton.ts";

/** The port's addresses. Throws ConfigError where there are none and none will come. */
export function guardedAddresses(port: Port): string[] {
  if (port.ips.length === 0 && !port.awaitsAddresses) {
    throw new ConfigError(
      "ipspoofchk",
      'needs "ipam": without addresses of its own a container could send nothing',
    );
  }
  return port.ips.map(({ address }) => hostPart(address));
}

/**
 * Set elements of a port of a bridge; the rules that read them are part of the skeleton. Beside its
 * addresses it may use those of a host that has none yet, and its link-local one.
 */
export function addressGuardObjects(port: Port): KernelObject[] {
  const own = guardedAddresses(port);
  if (port.awaitsAddresses) return [];
  const v4 = [...own.filter((address) => familyOf(address) === 4), "0.0.0.0"];
  const own6 = [...own.filter((address) => familyOf(address) === 6), linkLocalOf(port.mac)];
  const element = {
    ...bridgeTable,
    netns: hostNetns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "nft-element",
    comment: port.alias,
  } as const;
  const link = { ifname: port.hostLink };
  const mac = { mac: port.mac };
  return [
    ...v4.map((ipv4) => ({ ...element, set: "allowed4", key: [link, mac, { ipv4 }] })),
    ...[...own6, "::"].map((ipv6) => ({ ...element, set: "allowed6", key: [link, mac, { ipv6 }] })),
    ...own6.map((ndTarget) => ({ ...element, set: "nd_allowed", key: [link, mac, { ndTarget }] })),
    { ...element, set: "ip_guarded", key: [link] },
  ];
}
