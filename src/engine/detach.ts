/** Takes an attachment away. Succeeds when there is none, and goes on past failures. */
import { deleteLink } from "../kernel/netlink/link.ts";
import { hostNetns, type KernelObject, type LinkObject } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { teardown } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { forgetUdp } from "./effects.ts";
import type { Engine } from "./engine.ts";
import type { KernelSession } from "./kernel-session.ts";
import { aliasOf, attachmentId, hostLinkName } from "./names.ts";
import { type AttachmentRecord, readRecord, removeRecord } from "./record.ts";

/** Which attachment of which plugin. */
export interface DetachRequest extends Attachment {
  readonly network: string;
  readonly maker: string;
  /** Path of the container's namespace; absent when it is gone. */
  readonly netns?: string;
  /** The container's link came from another plugin, which takes it away. */
  readonly keepsLink?: boolean;
}

/**
 * Removes an attachment by its record; without one, what another plugin made under the link's name
 * in the container's namespace. Throws as `detach`.
 */
export async function detachFrom(engine: Engine, request: DetachRequest): Promise<void> {
  const id = attachmentId(request);
  const record = readRecord(engine.paths, { id, maker: request.maker });
  if (record) return detach(engine, record);
  if (!request.keepsLink) await removeUnrecorded(engine.session, id, request);
  removeRecord(engine.paths, { id, maker: request.maker });
}

async function removeUnrecorded(
  session: KernelSession,
  id: string,
  request: DetachRequest,
): Promise<void> {
  const own = session.namespace(hostNetns).findLink(hostLinkName(id));
  const inside = request.netns && session.namespace(request.netns).findLink(request.ifName);
  if (own?.alias === aliasOf(id)) await remove(session, hostNetns, own.name);
  else if (inside) await remove(session, request.netns!, inside.name);
}

async function remove(session: KernelSession, netns: string, name: string): Promise<void> {
  const { socket } = session.namespace(netns);
  await socket.runInBackground([deleteLink({ name })]);
}

/**
 * Removes what a record names, then the record. Throws AggregateError of what could not be removed;
 * the record stays then.
 */
export async function detach({ session, paths }: Engine, record: AttachmentRecord): Promise<void> {
  await dismantle(session, record.objects);
  removeRecord(paths, record);
}

/**
 * Removes the exclusive ones among `objects`. Links go in the background, since the kernel lets
 * their remover wait; the rest goes meanwhile.
 */
export async function dismantle(
  session: KernelSession,
  objects: readonly KernelObject[],
): Promise<void> {
  const errors: unknown[] = [];
  const steps = teardown(objects);
  const links = steps.flatMap(({ object }) => (object.kind === "link" ? [object] : []));
  const deletion = deleteLinks(session, links);
  try {
    apply(
      session,
      steps.filter(({ object }) => stays(object, links)),
    );
    forgetUdp(objects);
  } catch (error) {
    errors.push(error);
  }
  await deletion.catch((error) => errors.push(error));
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, "Cannot remove the attachment whole");
}

async function deleteLinks(session: KernelSession, links: readonly LinkObject[]): Promise<void> {
  for (const { netns, name } of links) await remove(session, netns, name);
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
