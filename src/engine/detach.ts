/** Takes an attachment away. Succeeds when there is none, and goes on past failures. */
import { deleteLink } from "../kernel/netlink/link.ts";
import { getLink, type LinkInfo } from "../kernel/netlink/link-info.ts";
import { NetlinkSocket } from "../kernel/netlink/socket.ts";
import type { Begun } from "../lib/begun.ts";
import { hostNetns, type KernelObject, type LinkObject } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { teardown } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { nameUnnamed } from "./born-name.ts";
import { forgetUdp } from "./effects.ts";
import type { Engine } from "./engine.ts";
import type { KernelSession } from "./kernel-session.ts";
import { deletionOf } from "./link-removal.ts";
import type { LinkRemover } from "./link-remover.ts";
import { aliasOf, attachmentId, hostLinkName, marksAttachment } from "./names.ts";
import { type AttachmentRecord, readRecord, removeRecord } from "./record.ts";

/** Which attachment of which plugin. */
export interface DetachRequest extends Attachment {
  readonly network: string;
  readonly maker: string;
  /** Path of the container's namespace; absent when it is gone. */
  readonly netns?: string;
  /**
   * Takes away what no record tells of; absent: what another plugin made under the link's name, and
   * what the reference's plugins leave beside a link.
   */
  readonly removeUnrecorded?: () => Promise<void>;
  /** Frees the attachment's addresses. Called once its link is out of the way. */
  readonly release?: () => Promise<void>;
}

/**
 * Removes an attachment by its record; without one, what another plugin made under the link's name
 * in the container's namespace. Throws as `detach`.
 */
export async function detachFrom(engine: Engine, request: DetachRequest): Promise<void> {
  const id = attachmentId(engine.paths, request);
  const record = readRecord(engine.paths, { id, maker: request.maker });
  if (record) return detach(engine, record, request.release);
  // Made by the reference plugins, whose place we took, or not at all.
  const errors: unknown[] = [];
  const attempt = collector(errors);
  if (request.removeUnrecorded) await attempt(request.removeUnrecorded);
  else {
    await attempt(async () => removeUnrecorded(engine.session, id, request));
    await attempt(async () => {
      const { removeReferenceLeftovers } = await import("./reference-leftovers.ts");
      await removeReferenceLeftovers(engine, "link", request);
    });
  }
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
  const own = session.namespace(hostNetns).findLink(hostLinkName(session.paths, id));
  const { netns, ifName } = request;
  const inside = netns && ifName ? session.namespace(netns).findLink(ifName) : undefined;
  if (own?.alias === aliasOf(session.paths, id)) await remove(session, hostNetns, own.name);
  else if (inside && !isOfAnother(session, id, inside)) await remove(session, netns!, inside.name);
}

/** A DEL may come late, when its namespace serves another container already. */
function isOfAnother(session: KernelSession, id: string, inside: LinkInfo): boolean {
  const mark = aliasOf(session.paths, id);
  if (marksAttachment(inside.alias)) return inside.alias !== mark;
  if (inside.link === undefined) return false;
  const { socket } = session.namespace(hostNetns);
  const peer = getLink(socket, { index: inside.link });
  const isMarked = marksAttachment(peer?.alias) && peer?.alias !== mark;
  return isMarked && peer?.link === inside.index;
}

/** What of our tables bears the attachment's mark, if the tables exist. */
async function removeElementsOf(session: KernelSession, id: string): Promise<void> {
  const { removeMarked } = await import("./apply-nft.ts");
  await session.loadNft();
  removeMarked(session, (comment) => comment === aliasOf(session.paths, id));
}

async function remove(session: KernelSession, netns: string, name: string): Promise<void> {
  const namespace = session.namespace(netns);
  if (session.residence) await session.residence.remover.remove(namespace, name);
  else namespace.socket.run([deleteLink({ name })]);
}

/**
 * Removes what a record names, then the record. Throws AggregateError of what could not be removed;
 * the record stays then.
 */
export async function detach(
  engine: Engine,
  record: AttachmentRecord,
  release?: () => Promise<void>,
): Promise<void> {
  await dismantle(engine.session, record.objects, release);
  await forget(engine, record);
}

/** Removes the record and what nobody else names. */
export async function forget(engine: Engine, record: AttachmentRecord): Promise<void> {
  if (record.objects.some(({ life }) => life === "counted")) {
    const { lockCounted, removeCounted } = await import("./counted.ts");
    await engine.session.loadKinds(record.objects);
    using _lock = await lockCounted(engine.paths, record.objects);
    await removeCounted(engine, record);
    removeRecord(engine.paths, record);
  } else removeRecord(engine.paths, record);
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
  await attempt(async () => nameUnnamed(session, objects));
  const steps = teardown(objects).filter(({ object }) => isStillOurs(session, object));
  const links = steps.flatMap(({ object }) => (object.kind === "link" ? [object] : []));
  const rest = steps.filter(({ object }) => stays(object, links));
  // While links go their namespace's socket serves nothing else.
  await attempt(async () => {
    const others = rest.filter(({ object }) => !isNft(object));
    await session.loadKinds(others.map(({ object }) => object));
    apply(session, others);
  });
  const deletion = session.residence
    ? deletionBy(session.residence.remover, session, links)
    : beginDeletion(session, links, errors);
  await attempt(async () => {
    const elements = rest.filter(({ object }) => isNft(object));
    if (elements.length > 0) await session.loadNft();
    apply(session, elements);
    await forgetUdp(session, objects);
  });
  // An address is free for another once no link can answer for it, which is long before the
  // kernel lets the remover of a link go on.
  await attempt(deletion.vanish);
  if (release && errors.length === 0) await attempt(release);
  await attempt(deletion.finish);
  throwAll(errors);
}

/**
 * A container's namespace may be gone, or its path serve another container by now, whose link of
 * that name bears another mark. In the host's namespace names are ours alone.
 */
function isStillOurs(session: KernelSession, object: KernelObject): boolean {
  // Hardware comes back to the host when its namespace dies.
  if (object.netns === hostNetns || object.kind === "device") return true;
  if (!session.isThere(object.netns)) return false;
  if (object.kind !== "link" || object.alias === undefined) return true;
  const found = session.namespace(object.netns).findLink(object.name);
  if (found?.alias !== undefined) return found.alias === object.alias;
  // Whoever made it was killed before marking it, which takes a request of its own.
  return found !== undefined && isAsDesired(session, found, object);
}

/** Whether it is of the link's kind, on its parent. */
function isAsDesired(session: KernelSession, found: LinkInfo, link: LinkObject): boolean {
  if (found.kind !== link.type) return false;
  if (!("parent" in link) || !session.isThere(link.parent.netns)) return true;
  return session.namespace(link.parent.netns).findLink(link.parent.name)?.index === found.link;
}

/** Links on their way out. */
interface Deletion {
  /** Waits until none of them is there to answer. */
  vanish(): Promise<void>;
  /** Waits until the kernel is done. */
  finish(): Promise<void>;
}

/** In a process that has more to do than to wait. Each is asked for at once, to go together. */
function deletionBy(
  remover: LinkRemover,
  session: KernelSession,
  links: readonly LinkObject[],
): Deletion {
  const going = Promise.allSettled(
    links.map(({ netns, name }) => remover.remove(session.namespace(netns), name)),
  );
  return {
    async vanish() {
      const failed = (await going).filter((one) => one.status === "rejected");
      throwAll(failed.map(({ reason }) => reason));
    },
    finish: async () => {},
  };
}

/** Adds to `errors` why a link is not gone. */
function beginDeletion(
  session: KernelSession,
  links: readonly LinkObject[],
  errors: unknown[],
): Deletion {
  const begun: Begun<unknown>[] = [];
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      errors.push(error);
    }
  };
  for (const netns of new Set(links.map((link) => link.netns))) {
    const requests = deletionOf(links.filter((link) => link.netns === netns));
    attempt(() => begun.push(session.namespace(netns).socket.begin(requests)));
  }
  const finish = async () => {
    for (const one of begun.splice(0)) attempt(one.finish);
  };
  return {
    vanish: async () => {
      if (links.some((link) => isThere(session, link))) await finish();
    },
    finish,
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

function isNft({ kind }: KernelObject): boolean {
  return kind.startsWith("nft-");
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
