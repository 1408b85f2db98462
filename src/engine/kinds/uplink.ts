/** Observes and applies the kind `uplink`. */
import { listAddresses } from "../../kernel/netlink/address.ts";
import { getLink } from "../../kernel/netlink/link-info.ts";
import { hostNetns, type UplinkObject } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import type { KernelSession } from "../kernel-session.ts";
import { acquireUplink } from "../uplink/acquire.ts";
import { isLinkLocal } from "../uplink/carried.ts";
import { readUplinkRecord } from "../uplink/record.ts";
import { releaseUplink } from "../uplink/release.ts";
import { uplinkNamed } from "../uplink/renamed.ts";

export function observeUplinks(
  session: KernelSession,
  uplinks: readonly UplinkObject[],
): UplinkObject[] {
  return uplinks.flatMap((wanted) => observeUplink(session, wanted) ?? []);
}

/** Of an uplink that we did not move we have no opinion where its addresses are. */
function observeUplink(session: KernelSession, wanted: UplinkObject): UplinkObject | undefined {
  const { socket } = session.namespace(hostNetns);
  const link = uplinkNamed(session, wanted.name);
  if (!link) return undefined;
  const master = link.master && getLink(socket, { index: link.master })?.name;
  const isMoved = readUplinkRecord(session.paths, wanted.name) !== undefined;
  const addresses = isMoved ? listAddresses(socket, { index: link.index }) : [];
  return {
    ...wanted,
    isPort: master === wanted.bridge,
    isBare: addresses.every(isLinkLocal),
  };
}

export function applyUplinks(
  session: KernelSession,
  op: Step["op"],
  uplinks: readonly UplinkObject[],
): void {
  session.flush();
  for (const uplink of uplinks) {
    if (op === "delete") releaseUplink(session, uplink.name);
    else acquireUplink(session, uplink);
  }
}
