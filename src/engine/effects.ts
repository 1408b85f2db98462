/** What must happen beside the objects themselves, once they are there or gone. */
import type { ConntrackFilter } from "../kernel/netlink/conntrack.ts";
import { addressFamily } from "../kernel/netlink/rtm.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import {
  hostNetns,
  type KernelObject,
  type NftElementObject,
  type NftValue,
} from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";

const udp = 17;

/**
 * A published UDP port's tracked connections lead where the port led before, and UDP has no end
 * that would make the kernel forget them: so they go whenever the port comes or goes.
 */
export async function forgetUdp(
  session: KernelSession,
  objects: readonly KernelObject[],
): Promise<void> {
  const published = objects.filter(isPublishedUdp);
  if (published.length === 0) return;
  const { flushConntrack } = await import("../kernel/netlink/conntrack.ts");
  using socket = session.namespace(hostNetns).inside(() => new NetlinkSocket("netfilter"));
  for (const element of published) flushConntrack(socket, filterOf(element));
}

function isPublishedUdp(object: KernelObject): object is NftElementObject {
  return (
    object.kind === "nft-element" &&
    object.set.startsWith("publish") &&
    object.key.some((value) => "proto" in value && value.proto === udp)
  );
}

function filterOf({ set, key }: NftElementObject): ConntrackFilter {
  const field = <K extends string>(name: K) =>
    key.find((value): value is Extract<NftValue, Record<K, unknown>> => name in value);
  return {
    family: set.startsWith("publish4") ? addressFamily.inet : addressFamily.inet6,
    original: {
      protocol: udp,
      destinationPort: field("l4Port")?.l4Port,
      dst: field("ipv4")?.ipv4 ?? field("ipv6")?.ipv6,
    },
  };
}
