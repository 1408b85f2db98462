/** A container on a link of its own sends with its own addresses only. */
import { linkLocalOf } from "../lib/link-local.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { guardedAddresses } from "./address-guard.ts";
import { familyOf } from "./container-side.ts";
import { inetTable } from "./skeleton.ts";

/**
 * Set elements of a port; the rules that read them are part of the skeleton. Beside its addresses
 * it may use its link-local one, and none while it has none yet (RFC 4862).
 */
export function sourceGuardObjects(port: Port): KernelObject[] {
  const own = guardedAddresses(port);
  if (port.awaitsAddresses) return [];
  const v4 = own.filter((address) => familyOf(address) === 4);
  const v6 = [...own.filter((address) => familyOf(address) === 6), linkLocalOf(port.mac), "::"];
  const element = {
    ...inetTable,
    netns: hostNetns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "nft-element",
    comment: port.alias,
  } as const;
  const link = { ifname: port.hostLink };
  return [
    ...v4.map((ipv4) => ({ ...element, set: "sources4", key: [link, { ipv4 }] })),
    ...v6.map((ipv6) => ({ ...element, set: "sources6", key: [link, { ipv6 }] })),
    { ...element, set: "source_guarded", key: [link] },
  ];
}
