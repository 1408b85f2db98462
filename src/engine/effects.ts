/** What must happen beside the objects themselves, once they are there or gone. */
import { addressFamily } from "../kernel/netlink/rtm.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { readFileSync } from "../kernel/sys/files.ts";
import { hostNetns, type KernelObject, type NftElementObject } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";

const udp = 17;

/**
 * A published UDP port's tracked connections lead where the port led before, and UDP has no end
 * that would make the kernel forget them: so they go whenever the port comes or goes. Asking the
 * kernel for them takes some 10 ms a family, so first a glance tells whether there are any.
 */
export async function forgetUdp(
  session: KernelSession,
  objects: readonly KernelObject[],
): Promise<void> {
  const published = objects.filter(isPublishedUdp);
  if (published.length === 0) return;
  const all = new Set(published.map(portOf));
  if (session.namespace(hostNetns).inside(() => isNoneTracked(all))) return;
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

/** With more connections than that the glance would take longer than the question. */
const mostToRead = 256;

/**
 * Whether no UDP connection to one of these ports is tracked, by the kernel's list in /proc, which
 * it writes in a fifth of a millisecond: unlike for a dump it takes no lock for each of its quarter
 * million buckets. Nor does it promise to be complete: if it is shorter than the count, or there is
 * no such list, the answer is no.
 */
export function isNoneTracked(ports: ReadonlySet<number>): boolean {
  try {
    const count = Number(readFileSync("/proc/sys/net/netfilter/nf_conntrack_count"));
    if (count === 0) return true;
    if (count > mostToRead) return false;
    const list = readFileSync("/proc/thread-self/net/nf_conntrack");
    const entries = list.trimEnd().split("\n");
    return entries.length >= count && !entries.some((entry) => leadsTo(entry, ports));
  } catch {
    return false;
  }
}

/** The first port in a line is that of the packet which came first. */
function leadsTo(entry: string, ports: ReadonlySet<number>): boolean {
  const [, port] = / udp .*? dport=(\d+) /.exec(entry) ?? [];
  return port !== undefined && ports.has(Number(port));
}
