/** The link that a lease is for: found, and made to follow when the lease changes. */
import { addAddress, removeAddress } from "../../kernel/netlink/address.ts";
import { changeLink } from "../../kernel/netlink/link.ts";
import { getLink } from "../../kernel/netlink/link-info.ts";
import type { Request } from "../../kernel/netlink/message.ts";
import { replaceRoute } from "../../kernel/netlink/route.ts";
import { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { statSync } from "../../kernel/sys/files.ts";
import { readSysctls, writeSysctl } from "../../kernel/sysctl/sysctl.ts";
import type { DhcpLease } from "../../model/dhcp.ts";
import type { ClientLink } from "../protocol.ts";
import { LinkError } from "./error.ts";

/** A link and the namespace that it was found in. */
export interface FoundLink {
  readonly link: ClientLink;
  readonly netnsIdentity: string;
}

/** The link of that name, raised if it is down. Throws LinkError, NetnsError, NetlinkError. */
export function requireClientLink(netns: string, name: string): FoundLink {
  const netnsIdentity = identityOf(netns);
  if (netnsIdentity === undefined) {
    throw new LinkError(`Cannot get a lease in "${netns}": there is no such namespace`);
  }
  using socket = new NetlinkSocket("route", netns);
  const found = getLink(socket, { name });
  if (!found) {
    throw new LinkError(
      `Cannot get a lease for "${name}" in "${netns}": it has no such link. ` +
        "DHCP is asked once a link is there: use it as the ipam of a plugin that makes one",
    );
  }
  const { index, mac, kind } = found;
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw new LinkError(`Cannot get a lease for "${name}": it has no Ethernet address`);
  }
  if (!found.up) socket.run([changeLink({ index }, { up: true })]);
  return { link: { netns, name, index, mac, ...(kind && { kind }) }, netnsIdentity };
}

/**
 * Turns IPv6 on where the namespace was made without: it is asked for from a link-local address.
 * Gives the link with what the kernel does by itself. Throws LinkError, SysctlError, NetnsError.
 */
export function readiedForSixth(link: ClientLink): ClientLink {
  const { netns, name } = link;
  const path = (setting: string) => `net/ipv6/conf/${name}/${setting}`;
  const settings = ["disable_ipv6", "accept_ra", "forwarding"].map(path);
  const [disabled, acceptRa, forwarding] = readSysctls(netns, settings);
  if (disabled === undefined) {
    throw new LinkError(`Cannot get a DHCPv6 lease for "${name}": the host has no IPv6`);
  }
  if (disabled !== "0") writeSysctl(netns, path("disable_ipv6"), "0");
  const followsRouters = acceptRa === "2" || (acceptRa === "1" && forwarding === "0");
  return followsRouters ? { ...link, followsRouters } : link;
}

/** Whether the path still names the namespace that it did. */
export function isSameNetns(netns: string, identity: string): boolean {
  return identityOf(netns) === identity;
}

function identityOf(netns: string): string | undefined {
  try {
    return statSync(netns)?.identity;
  } catch {
    return undefined;
  }
}

/** Whether namespace and link are those that the lease was for. */
export function isStillThere(link: ClientLink, netnsIdentity: string): boolean {
  if (!isSameNetns(link.netns, netnsIdentity)) return false;
  try {
    using socket = new NetlinkSocket("route", link.netns);
    const found = getLink(socket, { index: link.index });
    return found?.name === link.name && found.mac === link.mac;
  } catch {
    return isSameNetns(link.netns, netnsIdentity);
  }
}

/** Sets the MTU that a server gave. Throws NetlinkError: the parent's may be smaller. */
export function setMtu({ netns, index }: ClientLink, mtu: number): void {
  using socket = new NetlinkSocket("route", netns);
  if (getLink(socket, { index })?.mtu !== mtu) socket.run([changeLink({ index }, { mtu })]);
}

/**
 * Takes addresses off that may no longer be used, and puts on those that may, with their routes.
 * Throws NetlinkError.
 */
export function moveAddresses(
  { netns, index }: ClientLink,
  from: DhcpLease | undefined,
  to: DhcpLease | undefined,
): void {
  const addresses = (lease: DhcpLease | undefined) => (lease?.ips ?? []).map((ip) => ip.address);
  const gone = addresses(from).filter((address) => !addresses(to).includes(address));
  const come = addresses(to).filter((address) => !addresses(from).includes(address));
  using socket = new NetlinkSocket("route", netns);
  socket.run(gone.map((address) => removeAddress({ index, address })));
  const added = come.map((address) => addAddress({ index, address, dad: false }));
  const outcomes = socket.batch(added);
  const failed = outcomes.find(({ error }) => error && error.code !== "EEXIST")?.error;
  if (failed) throw failed;
  if (come.length > 0) socket.run(routesOf(index, to!));
}

function routesOf(oif: number, { routes }: DhcpLease): Request[] {
  // Those on the link first: others' gateways may be behind them.
  const hasRouter = ({ gw }: { gw?: string }) => Number(routerOf(gw) !== undefined);
  const sorted = [...routes].sort((a, b) => hasRouter(a) - hasRouter(b));
  return sorted.map(({ dst, gw, scope, priority, table }) =>
    replaceRoute({ dst, oif, gateway: routerOf(gw), scopeId: scope, priority, table }),
  );
}

/** None is told of as of one without an address. */
function routerOf(gw: string | undefined): string | undefined {
  return gw === "0.0.0.0" ? undefined : gw;
}
