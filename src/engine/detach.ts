/** Takes an attachment away. Succeeds when there is none, and goes on past failures. */
import { deleteLink } from "../kernel/netlink/link.ts";
import { getLink, type LinkInfo } from "../kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import type { Begun } from "../lib/begun.ts";
import { hostNetns, type KernelObject, type LinkObject } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { teardown } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { forgetUdp } from "./effects.ts";
import type { Engine } from "./engine.ts";
import type { KernelSession } from "./kernel-session.ts";
import { aliasOf, attachmentId, hostLinkName, idOfAlias } from "./names.ts";
import { type AttachmentRecord, readRecord, removeRecord } from "./record.ts";

/** Which attachment of which plugin. */
export interface DetachRequest extends Attachment {
  readonly network: string;
  readonly maker: string;
  /** Path of the container's namespace; absent when it is gone. */
  readonly netns?: string;
  /** The container's link came from another plugin, which takes it away. */
  readonly keepsLink?: boolean;
  /** Frees the attachment's addresses. Called once its link is out of the way. */
  readonly release?: () => Promise<void>;
}

/**
 * Removes an attachment by its record; without one, what another plugin made under the link's name
 * in the container's namespace. Throws as `detach`.
 */
export async function detachFrom(engine: Engine, request: DetachRequest): Promise<void> {
  const id = attachmentId(request);
  const record = readRecord(engine.paths, { id, maker: request.maker });
  if (record) return detach(engine, record, request.release);
  // Made by the reference plugins, whose place we took, or not at all.
  const errors: unknown[] = [];
  const attempt = collector(errors);
  if (!request.keepsLink) await attempt(async () => removeUnrecorded(engine.session, id, request));
  await attempt(async () => {
    const { removeReferenceLeftovers } = await import("./reference-leftovers.ts");
    await removeReferenceLeftovers(engine, request.keepsLink ? "portmap" : "link", request);
  });
  removeRecord(engine.paths, { id, maker: request.maker });
  if (request.release) await attempt(request.release);
  throwAll(errors);
}

/** Removes what bears the attachment's mark, or else the link that another plugin made for it. */
export async function removeUnrecorded(
  session: KernelSession,
  id: string,
  request: Partial<DetachRequest> = {},
): Promise<void> {
  await removeElementsOf(session, id);
  const own = session.namespace(hostNetns).findLink(hostLinkName(id));
  const { netns, ifName } = request;
  const inside = netns && ifName ? session.namespace(netns).findLink(ifName) : undefined;
  if (own?.alias === aliasOf(id)) remove(session, hostNetns, own.name);
  else if (inside && !isOfAnother(session, id, inside)) remove(session, netns!, inside.name);
}

/** A DEL may come late, when its namespace serves another container already. */
function isOfAnother(session: KernelSession, id: string, inside: LinkInfo): boolean {
  if (inside.link === undefined) return false;
  const { socket } = session.namespace(hostNetns);
  const peer = getLink(socket, { index: inside.link });
  const owner = idOfAlias(peer?.alias);
  return owner !== undefined && owner !== id && peer?.link === inside.index;
}

/** What of our tables bears the attachment's mark, if the tables exist. */
async function removeElementsOf(session: KernelSession, id: string): Promise<void> {
  const { removeMarked } = await import("./apply-nft.ts");
  await session.loadNft();
  removeMarked(session, (comment) => comment === aliasOf(id));
}

function remove(session: KernelSession, netns: string, name: string): void {
  session.namespace(netns).socket.run([deleteLink({ name })]);
}

/**
 * Removes what a record names, then the record. Throws AggregateError of what could not be removed;
 * the record stays then.
 */
export async function detach(
  { session, paths }: Engine,
  record: AttachmentRecord,
  release?: () => Promise<void>,
): Promise<void> {
  await dismantle(session, record.objects, release);
  removeRecord(paths, record);
}

/**
 * Removes the exclusive ones among `objects`. Links go in the background, since the kernel lets
 * their remover wait; the rest goes meanwhile, and `release` is called.
 */
export async function dismantle(
  session: KernelSession,
  objects: readonly KernelObject[],
  release?: () => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const attempt = collector(errors);
  const steps = teardown(objects);
  const links = steps.flatMap(({ object }) => (object.kind === "link" ? [object] : []));
  const finishDeletion = beginDeletion(session, links, errors);
  await attempt(async () => {
    const rest = steps.filter(({ object }) => stays(object, links));
    if (rest.some(({ object }) => object.kind.startsWith("nft-"))) await session.loadNft();
    apply(session, rest);
    await forgetUdp(session, objects);
  });
  // An address is free for another once no link can answer for it, which is long before the
  // kernel lets the remover of a link go on.
  if (links.some((link) => isThere(session, link))) finishDeletion();
  if (release && errors.length === 0) await attempt(release);
  finishDeletion();
  throwAll(errors);
}

/** Gives what waits for the links to be gone, and adds to `errors` why one is not. */
function beginDeletion(
  session: KernelSession,
  links: readonly LinkObject[],
  errors: unknown[],
): () => void {
  const begun: Begun<unknown>[] = [];
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      errors.push(error);
    }
  };
  for (const netns of new Set(links.map((link) => link.netns))) {
    const requests = links.flatMap((link) => (link.netns === netns ? deleteLink(link) : []));
    attempt(() => begun.push(session.namespace(netns).socket.begin(requests)));
  }
  return () => {
    for (const { finish } of begun.splice(0)) attempt(finish);
  };
}

/** Runs a piece of work and keeps what it throws. */
function collector(errors: unknown[]): (work: () => Promise<void>) => Promise<void> {
  return async (work) => {
    await work().catch((error) => errors.push(error));
  };
}

function throwAll(errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, "Cannot remove the attachment whole");
}

/** Asks on a socket of its own: the other waits for the deletion. */
function isThere(session: KernelSession, { netns, name }: LinkObject): boolean {
  using socket = session.namespace(netns).inside(() => new NetlinkSocket("route"));
  return getLink(socket, { name }) !== undefined;
}

/** Whether an object needs removing of its own: not a link, and not on one that goes. */
function stays(object: KernelObject, gone: readonly LinkObject[]): boolean {
  if (object.kind === "link") return false;
  if (!("link" in object) || object.link === undefined) return true;
  return !gone.some(
    (link) =>
      (link.netns === object.netns && link.name === object.link) ||
      (link.type === "veth" && link.peer.netns === object.netns && link.peer.name === object.link),
  );
}
