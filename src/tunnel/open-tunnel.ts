/** Opens what a tunnel's process works with, in the place of an earlier one. */
import { getLink } from "../kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { openUdp } from "../kernel/sys/datagrams.ts";
import { SysError } from "../kernel/sys/libc.ts";
import type { UdpEnd } from "../kernel/sys/socket-address.ts";
import { openTun, TapError } from "../kernel/tap.ts";
import { isIp } from "../lib/ip.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { ForwarderFiles } from "./forwarder.ts";
import { endPredecessors } from "./predecessors.ts";
import type { TunnelSettings } from "./words.ts";

/** So long an earlier process may take to end. */
const patienceMs = 2_000;

/** Throws TapError, SysError, and Error with what is in the way and how to mend it. */
export function openTunnel({ link, local }: TunnelSettings): ForwarderFiles {
  if (local.some(({ address }) => !isIp(address))) throw new RangeError("An own end is no address");
  // The agent made it: one that the kernel made for us would be nobody's when we end.
  if (!isThere(link)) throw new Error(`there is no link "${link}"`);
  const tun = openInPlace(link);
  const endOf = (isIpv6: boolean) => {
    const end = local.find(({ address }) => address.includes(":") === isIpv6);
    return end ? openEnd(end) : -1;
  };
  return { tun, udp: { ipv4: endOf(false), ipv6: endOf(true) } };
}

function isThere(name: string): boolean {
  using socket = new NetlinkSocket("route", hostNetns);
  return getLink(socket, { name }) !== undefined;
}

/** The kernel gives a tun to one process at a time. */
function openInPlace(link: string): number {
  const end = performance.now() + patienceMs;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return openTun(link);
    } catch (error) {
      if (!(error instanceof TapError) || error.code !== "EBUSY") throw error;
      if (isFirst && endPredecessors(link).length > 0) continue;
      if (isFirst || performance.now() > end) {
        throw new Error(`another process has link "${link}": end it`, { cause: error });
      }
      Bun.sleepSync(1);
    }
  }
}

const explanations: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process has that port: end it (ss -ulnp)",
  EADDRNOTAVAIL: "it is not an address of this host any more",
};

function openEnd(end: UdpEnd): number {
  try {
    return openUdp(end);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const { address, port } = end;
    const why = explanations[error.code] ?? error.message;
    throw new Error(`cannot listen on ${address}, UDP port ${port}: ${why}`, { cause: error });
  }
}
