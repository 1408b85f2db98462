/** A port sends with its own hardware address only: frames with another are dropped. */
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { bridgeTable } from "./skeleton.ts";

/** Two set elements a port; the rule that reads them is part of the skeleton. */
export function macGuardObjects(port: Port): KernelObject[] {
  const owned = { netns: hostNetns, scope: attachmentScope(port.id), life: "exclusive" } as const;
  const element = { ...owned, ...bridgeTable, kind: "nft-element", comment: port.alias } as const;
  const link = { ifname: port.hostLink };
  return [
    { ...element, set: "mac_guarded", key: [link] },
    { ...element, set: "mac_allowed", key: [link, { mac: port.mac }] },
  ];
}
