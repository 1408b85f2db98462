/** The loopback link `lo` of a container's namespace: up, down, and what it has. */
import { type AddressInfo, listAddresses } from "../kernel/netlink/address.ts";
import { changeLink } from "../kernel/netlink/link.ts";
import { requireLink } from "../kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import { inNetns } from "../kernel/netns/netns.ts";

const lo = { name: "lo" } as const;

/** State of `lo`. */
export interface Loopback {
  readonly up: boolean;
  /** With prefix length; the first loopback address of each family, IPv4 first. */
  readonly addresses: readonly string[];
}

/** Sets `lo` up, whereupon the kernel gives it its addresses. Throws NetlinkError, SysError. */
export function raiseLoopback(netns: string): Loopback {
  using socket = socketIn(netns);
  socket.run([changeLink(lo, { up: true })]);
  return read(socket);
}

/** Sets `lo` down. Throws NetlinkError, SysError. */
export function lowerLoopback(netns: string): void {
  using socket = socketIn(netns);
  socket.run([changeLink(lo, { up: false })]);
}

/** Looks at `lo`. Throws NetlinkError, SysError. */
export function readLoopback(netns: string): Loopback {
  using socket = socketIn(netns);
  return read(socket);
}

function socketIn(netns: string): NetlinkSocket {
  return inNetns(netns, () => new NetlinkSocket("route"));
}

function read(socket: NetlinkSocket): Loopback {
  const link = requireLink(socket, lo);
  const own = listAddresses(socket, { index: link.index });
  const first = (isOurs: (info: AddressInfo) => boolean) => own.find(isOurs)?.address;
  const addresses = [
    first(({ address }) => address.startsWith("127.")),
    first(({ address }) => address === "::1/128"),
  ];
  return { up: link.up, addresses: addresses.filter((one) => one !== undefined) };
}
