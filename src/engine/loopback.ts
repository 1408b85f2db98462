/** The loopback link `lo` of a container's namespace: up, down, and what it has. */
import { loopbackLink } from "../drivers/loopback.ts";
import { type AddressInfo, listAddresses } from "../kernel/netlink/address.ts";
import { plan } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { KernelSession } from "./kernel-session.ts";
import { observe } from "./observe.ts";

/** State of `lo`. */
export interface Loopback {
  readonly up: boolean;
  /** With prefix length; the first loopback address of each family, IPv4 first. */
  readonly addresses: readonly string[];
}

/** Sets `lo` up, whereupon the kernel gives it its addresses. Throws NetlinkError, SysError. */
export function raiseLoopback(netns: string): Loopback {
  return settle(netns, true);
}

/** Sets `lo` down. Throws NetlinkError, SysError. */
export function lowerLoopback(netns: string): void {
  settle(netns, false);
}

/** Looks at `lo`. Throws NetlinkError, SysError. */
export function readLoopback(netns: string): Loopback {
  using session = new KernelSession();
  return read(session, netns);
}

function settle(netns: string, up: boolean): Loopback {
  using session = new KernelSession();
  const desired = [loopbackLink(netns, up)];
  apply(session, plan(desired, observe(session, desired)));
  return read(session, netns);
}

function read(session: KernelSession, netns: string): Loopback {
  const link = session.linkNow(netns, "lo");
  const own = listAddresses(session.namespace(netns).socket, { index: link.index });
  const first = (isOurs: (info: AddressInfo) => boolean) => own.find(isOurs)?.address;
  const addresses = [
    first(({ address }) => address.startsWith("127.")),
    first(({ address }) => address === "::1/128"),
  ];
  return { up: link.up, addresses: addresses.filter((one) => one !== undefined) };
}
