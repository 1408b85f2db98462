/**
 * The name that a link is born with. Before Linux 6.13 the kernel looks for one of its final name
 * in its parent's namespace too, where a host's own `eth0` stands in the way of a container's:
 * then it is born under another, and renamed. Source: __rtnl_newlink in net/core/rtnetlink.c.
 */
import { changeLink } from "../kernel/netlink/link.ts";
import type { ChildLink, KernelObject, LoneLink } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";
import { sha256 } from "./names.ts";

type Born = ChildLink | LoneLink;

/** 15 bytes that no other link has. */
export const passingName = ({ netns, name, alias = "" }: Born): string =>
  `nlt${sha256(`${netns}\0${name}\0${alias}`).slice(0, 12)}`;

/** Its final name, or another where that is taken in the namespace that its request goes to. */
export function bornName(session: KernelSession, link: Born, from: string): string {
  const isInTheWay = from !== link.netns && session.namespace(from).findLink(link.name);
  return isInTheWay ? passingName(link) : link.name;
}

/** Names links whose maker was ended before he did. Throws NetlinkError. */
export function nameUnnamed(session: KernelSession, objects: readonly KernelObject[]): void {
  for (const object of objects) {
    if (object.kind !== "link" || !("parent" in object)) continue;
    if (object.netns === object.parent.netns || !session.isThere(object.netns)) continue;
    const namespace = session.namespace(object.netns);
    const unnamed = namespace.findLink(passingName(object));
    if (!unnamed || namespace.findLink(object.name)) continue;
    namespace.socket.run([changeLink({ index: unnamed.index }, { name: object.name })]);
    namespace.forget(object.name);
  }
}
