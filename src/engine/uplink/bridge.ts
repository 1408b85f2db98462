/** The bridge that takes an uplink's place: made ready while traffic still takes the uplink. */
import { changeBridge, changeLink, createLink, deleteLink } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo, requireLink } from "../../kernel/netlink/link-info.ts";
import type { Request } from "../../kernel/netlink/message.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { hostNetns } from "../../model/kernel-object.ts";
import type { KernelSession } from "../kernel-session.ts";
import { sha256, sharedAlias } from "../names.ts";
import { copySettings } from "./settings.ts";
import { untilOperational } from "./usable.ts";

/** A pair that gives the bridge its carrier before the uplink does. */
function scratchNames(bridge: string): { port: string; peer: string } {
  const name = `nlu${sha256(`uplink ${bridge}`).slice(0, 10)}`;
  return { port: `${name}p`, peer: `${name}q` };
}

/**
 * The bridge, up, with the uplink's hardware address, MTU and settings. One that is there keeps
 * its ports. It makes no link-local address: it gets the uplink's.
 */
export function prepareBridge(
  session: KernelSession,
  name: string,
  uplink: LinkInfo,
  options: { readonly hearsRouters: boolean },
): LinkInfo {
  const host = session.namespace(hostNetns);
  const { socket } = host;
  const { mac, mtu } = uplink;
  const quick = { forwardDelayCs: 0, stpState: 0 };
  const found = getLink(socket, { name });
  const before: Request[] = found
    ? [changeLink({ name }, { mac }), changeBridge({ name }, quick)]
    : [
        { ...createLink({ kind: "bridge", name, mac, mtu, bridge: quick }), tolerate: ["EEXIST"] },
        changeLink({ name }, { alias: sharedAlias(session.paths) }),
        // Set once more by itself, it no longer follows the ports' smallest.
        changeLink({ name }, { mtu }),
      ];
  socket.run([...before, ...withoutOwnAddress(name)]);
  host.forget(name);
  copySettings(host.path, uplink.name, name, options);
  const bridge = requireLink(socket, { name });
  const isPort = uplink.master === bridge.index;
  if (!isPort) addScratch(session, bridge, mtu);
  socket.run([changeLink({ name }, { up: true })]);
  untilOperational(socket, bridge.index);
  return bridge;
}

function addScratch(session: KernelSession, bridge: LinkInfo, mtu: number): void {
  const { port, peer } = scratchNames(bridge.name);
  const { socket } = session.namespace(hostNetns);
  if (getLink(socket, { name: port })) return;
  const alias = sharedAlias(session.paths);
  socket.run([
    createLink({ kind: "veth", name: port, mtu, veth: { peer: { name: peer, mtu } } }),
    changeLink({ name: port }, { alias }),
    changeLink({ name: peer }, { alias }),
    ...[port, peer].flatMap(withoutOwnAddress),
    changeLink({ name: port }, { master: bridge.index }),
    changeLink({ name: peer }, { up: true }),
    changeLink({ name: port }, { up: true }),
  ]);
}

/** Once the uplink gives the bridge its carrier. None is fine. */
export function removeScratch(socket: NetlinkSocket, bridge: string): void {
  const { port } = scratchNames(bridge);
  if (getLink(socket, { name: port })) socket.run([deleteLink({ name: port })]);
}

/** Where the link has no IPv6 there is nothing to turn off. */
export function withoutOwnAddress(name: string): Request[] {
  return [withAddresses(name, "none")];
}

/** How the link shall make its link-local address when it comes up next. */
export function withAddresses(name: string, addrGenMode: LinkInfo["addrGenMode"]): Request {
  const tolerate = ["EAFNOSUPPORT", "EINVAL", "ENODEV", "EOPNOTSUPP"];
  return { ...changeLink({ name }, { addrGenMode }), tolerate };
}
