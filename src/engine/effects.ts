/** What must happen beside the objects themselves, once they are there or gone. */
import { readFileSync } from "node:fs";
import { addressFamily } from "../kernel/netlink/rtm.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { hostNetns, type KernelObject, type NftElementObject } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";

const udp = 17;
const trackedCount = "/proc/sys/net/netfilter/nf_conntrack_count";

/**
 * A published UDP port's tracked connections lead where the port led before, and UDP has no end
 * that would make the kernel forget them: so they go whenever the port comes or goes. Looking for
 * them costs a walk through the kernel's whole table, some 10 ms: once a family for all ports, and
 * not at all where nothing is tracked.
 */
export async function forgetUdp(
  session: KernelSession,
  objects: readonly KernelObject[],
): Promise<void> {
  const published = objects.filter(isPublishedUdp);
  if (published.length === 0 || session.namespace(hostNetns).inside(nothingTracked)) return;
  const { deleteConntrack, listConntrack } = await import("../kernel/netlink/conntrack.ts");
  using socket = session.namespace(hostNetns).inside(() => new NetlinkSocket("netfilter"));
  for (const family of new Set(published.map(familyOf))) {
    const ports = new Set(published.filter((one) => familyOf(one) === family).map(portOf));
    const stale = listConntrack(socket, { family, original: { protocol: udp } }).filter(
      ({ original }) => ports.has(original.destinationPort ?? 0),
    );
    socket.run(stale.map(deleteConntrack));
  }
}

function familyOf({ set }: NftElementObject): number {
  return set.startsWith("publish4") ? addressFamily.inet : addressFamily.inet6;
}

function isPublishedUdp(object: KernelObject): object is NftElementObject {
  return (
    object.kind === "nft-element" &&
    object.set.startsWith("publish") &&
    object.key.some((value) => "proto" in value && value.proto === udp)
  );
}

/** The host's port. */
function portOf({ key }: NftElementObject): number {
  return key.reduce((port, value) => ("l4Port" in value ? value.l4Port : port), 0);
}

/** Where the count is not told, something may be. */
function nothingTracked(): boolean {
  try {
    return Number(readFileSync(trackedCount, "utf8")) === 0;
  } catch {
    return false;
  }
}
