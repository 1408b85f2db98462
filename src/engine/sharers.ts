/**
 * Which instances use a link that attachments share and that goes with the last: its alias names
 * them, `netloom:cni,blue`, so that none takes away what another still needs.
 */
import { changeLink, deleteLink } from "../kernel/netlink/link.ts";
import { type LinkInfo, listLinks } from "../kernel/netlink/link-info.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";
import { idOfAlias, marksAttachment, sharersOf } from "./names.ts";
import { inProcess } from "./paths.ts";

const aliasFor = (instances: readonly string[]) => `netloom:${instances.join(",")}`;

function ownName({ paths }: KernelSession): string {
  return paths.instance ?? inProcess;
}

/** Whether this instance is one of those that the link's alias names. */
export function isSharedByUs(session: KernelSession, { alias }: LinkInfo): boolean {
  return sharersOf(alias).includes(ownName(session));
}

/**
 * Adds this instance to those that use the counted links among `objects` which another made, for
 * who holds their lock. Throws NetlinkError.
 */
export function joinSharers(session: KernelSession, objects: readonly KernelObject[]): void {
  for (const object of objects) {
    if (object.kind !== "link" || object.life !== "counted") continue;
    const namespace = session.namespace(object.netns);
    namespace.forget(object.name);
    const found = namespace.findLink(object.name);
    const sharers = sharersOf(found?.alias);
    if (!found || sharers.length === 0 || isSharedByUs(session, found)) continue;
    const alias = aliasFor([...sharers, ownName(session)]);
    session.enqueue(object.netns, changeLink({ index: found.index }, { alias }));
    session.flush();
    namespace.forget(object.name);
  }
}

/** Removes a link that this instance no longer needs, or its name from it where others do. */
export async function leaveLink(
  session: KernelSession,
  netns: string,
  link: LinkInfo,
): Promise<"gone" | "left"> {
  const namespace = session.namespace(netns);
  const others = sharersOf(link.alias).filter((one) => one !== ownName(session));
  const target = { index: link.index };
  const isLeft = others.length > 0;
  if (isLeft) namespace.socket.run([changeLink(target, { alias: aliasFor(others) })]);
  else if (session.residence) await session.residence.remover.remove(namespace, link.name);
  else namespace.socket.run([deleteLink(target)]);
  namespace.forget(link.name);
  return isLeft ? "left" : "gone";
}

/** Whether attachments of other instances are ports of the bridge. */
export function hasPortsOfOthers(session: KernelSession, bridge: number | undefined): boolean {
  if (bridge === undefined) return false;
  const { socket } = session.namespace(hostNetns);
  return listLinks(socket, { master: bridge }).some(
    ({ alias }) => marksAttachment(alias) && idOfAlias(session.paths, alias) === undefined,
  );
}
