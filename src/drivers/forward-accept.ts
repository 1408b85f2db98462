/** Packets that a foreign policy of dropping shall let pass: what containers send, and answers. */
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, networkScope, type Port } from "../model/port.ts";
import { inetTable } from "./skeleton.ts";

/** Has forwarded packets of the host's link `link` marked; `isOwn` if it is the port's alone. */
export function forwardAcceptObject(port: Port, link: string, isOwn: boolean): KernelObject {
  const element = {
    ...inetTable,
    netns: hostNetns,
    kind: "nft-element",
    set: "forwarded",
    key: [{ ifname: link }],
  } as const;
  return isOwn
    ? { ...element, scope: attachmentScope(port.id), life: "exclusive", comment: port.alias }
    : { ...element, scope: networkScope(port.network), life: "shared" };
}
