/** Routers' advertisements that containers send to a bridge reach nobody (CVE-2020-10749). */
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, networkScope, type Port } from "../model/port.ts";
import type { AdvertConfig } from "./guard-config.ts";
import { bridgeTable } from "./skeleton.ts";

/** A static rule drops them on every port of ours but those whose network wants them. */
export function advertGuardObjects(port: Port, { raGuard }: AdvertConfig): KernelObject[] {
  if (raGuard !== false) {
    const shared = { scope: networkScope(port.network), life: "shared" } as const;
    return [{ ...shared, kind: "nft-skeleton", netns: hostNetns }];
  }
  return [elementOf(port, "ra_allowed")];
}

/** Of a port whose link somebody else named, so that no rule knows it by its prefix. */
export function namedAdvertGuard(port: Port, { raGuard }: AdvertConfig): KernelObject[] {
  return raGuard === false ? [] : [elementOf(port, "ra_guarded")];
}

function elementOf(port: Port, set: "ra_allowed" | "ra_guarded"): KernelObject {
  return {
    ...{ netns: hostNetns, scope: attachmentScope(port.id), life: "exclusive" },
    ...bridgeTable,
    kind: "nft-element",
    set,
    key: [{ ifname: port.hostLink }],
    comment: port.alias,
  };
}
