/** Changes an attachment while it is in use, from what its record says to what is asked for now. */
import { changeLink } from "../kernel/netlink/link.ts";
import {
  type AddressObject,
  hostNetns,
  isShared,
  type KernelObject,
  type LinkObject,
} from "../model/kernel-object.ts";
import { type Alteration, alter, type LinkChange } from "../plan/alter.ts";
import { key } from "../plan/key.ts";
import { plan, type Step } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { type Allocation, type AttachRequest, conflictsOf, objectsWanted } from "./attach.ts";
import { dismantle } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { explained, refuseOverlaps } from "./holder.ts";
import type { KernelSession } from "./kernel-session.ts";
import { loadFor } from "./mend.ts";
import { attachmentId } from "./names.ts";
import { observe } from "./observe.ts";
import { settleLinks } from "./ready.ts";
import { type AttachmentRecord, readRecord, writeRecord } from "./record.ts";
import { markInUse, restoreIfErased } from "./restore.ts";
import { isSharedByUs } from "./sharers.ts";

/** An attachment as it is to be. Its addresses are known. */
export type ChangeRequest<Config = unknown> = AttachRequest<Config> & {
  readonly allocation: Allocation;
};

/** What came of it: there may have been nothing to change, or nothing that could be. */
export type Changed = "changed" | "as it was" | "not attached";

/**
 * All of it or, where something is refused, what was. The record names both states meanwhile, so
 * that a call that is cut short leaves what the next one, or DEL, finds. For who holds the
 * attachment's lock. Throws RigidError, and as `attach`.
 */
export async function change<C>(engine: Engine, request: ChangeRequest<C>): Promise<Changed> {
  const { session, paths } = engine;
  const about = { id: attachmentId(paths, request), maker: request.maker };
  const record = readRecord(paths, about);
  if (!record) return "not attached";
  const mac = request.mac ?? macOf(record);
  const wanted = await objectsWanted(engine, { ...request, ...(mac !== undefined && { mac }) });
  const alteration = alter(record.objects, wanted);
  if (!alteration) return "as it was";
  const touched = [...alteration.changed, ...alteration.gone];
  await loadFor(session, touched);
  if (touched.some(isNft)) {
    await restoreIfErased(engine, record.id);
    markInUse(paths);
  }
  using _counted = await lockShared(engine, touched);
  const both = new Map([...record.objects, ...alteration.objects].map((it) => [key(it), it]));
  writeRecord(paths, { ...record, objects: [...both.values()] });
  const begun: KernelObject[] = [];
  try {
    await carryOut(session, { alteration, request, begun });
  } catch (error) {
    await undo(engine, record, { alteration, begun });
    throw explained(paths, error);
  }
  const { objects, gone } = alteration;
  writeRecord(paths, { ...record, objects });
  const { removeCounted } = await import("./counted.ts");
  await removeCounted(engine, { ...record, objects: gone });
  return "changed";
}

/** The container's hardware address as it was asked for, or made up, at first. */
function macOf({ objects, netns }: AttachmentRecord): string | undefined {
  return objects.flatMap((object) => {
    if (object.kind !== "link" || isShared(object)) return [];
    const end = object.type === "veth" ? object.peer : object;
    return end.netns === netns && netns !== hostNetns ? (end.mac ?? []) : [];
  })[0];
}

const isNft = ({ kind }: KernelObject) => kind.startsWith("nft-");

/** As `establish` has it: who makes what goes with its last user keeps others from being that. */
async function lockShared({ paths }: Engine, objects: readonly KernelObject[]) {
  const counted = objects.filter(({ life }) => life === "counted");
  if (counted.length === 0) return undefined;
  const { lockCounted } = await import("./counted.ts");
  return await lockCounted(paths, counted);
}

interface Work {
  readonly alteration: Alteration;
  readonly request: ChangeRequest<any>;
  /** Collects what was begun. */
  readonly begun: KernelObject[];
}

async function carryOut(session: KernelSession, { alteration, request, begun }: Work) {
  const { changed, gone, links } = alteration;
  if (changed.some(({ life }) => life === "counted")) {
    (await import("./sharers.ts")).joinSharers(session, changed);
  }
  refuseOverlaps(session, changed);
  for (const one of links) changeOne(session, one);
  session.flush();
  await dismantle(
    session,
    gone.filter(({ life }) => life === "exclusive"),
  );
  const observed = observe(session, changed);
  const inTheWay = conflictsOf(request).conflicts?.(
    changed.filter(isAddress),
    observed.filter(isAddress),
  );
  const removals = (inTheWay ?? []).map((object): Step => ({ op: "delete", object }));
  apply(session, [...removals, ...plan(changed, observed)], begun);
  await settleLinks(session, begun);
}

const isAddress = (object: KernelObject): object is AddressObject => object.kind === "address";

/** Only what is to be other: the rest may have been set by others since. */
function changeOne(session: KernelSession, { link, fields }: LinkChange): void {
  const { netns, name, mtu, bridgePort, ...rest } = link;
  session.namespace(netns).forget(name);
  const found = session.namespace(netns).findLink(name);
  if (!found) return;
  if (isShared(link)) {
    // One that somebody else made has the MTU that he gave it.
    if (!fields.includes("mtu") || !isSharedByUs(session, found)) return;
    session.enqueue(netns, changeLink({ index: found.index }, { mtu }));
    return;
  }
  const isOf = (field: string) => fields.includes(field);
  const { mac: _, alias: __, master: ___, vlans: ____, ...kept } = rest;
  const near = {
    ...kept,
    ...{ netns, name, type: "existing" },
    ...(isOf("mtu") && { mtu }),
    ...(isOf("bridgePort") && { bridgePort }),
  } as LinkObject;
  apply(session, [{ op: "update", object: near, fields }]);
  if (link.type !== "veth" || !isOf("peer.mtu")) return;
  const { peer } = link;
  const index = session.indexOf(peer.netns, peer.name);
  session.enqueue(peer.netns, changeLink({ index }, { mtu: peer.mtu }));
}

/** Links are as they were; the rest is made again by repairs, which go by the record. */
async function undo(
  { session, paths }: Engine,
  record: AttachmentRecord,
  { alteration, begun }: Pick<Work, "alteration" | "begun">,
): Promise<void> {
  for (const { link, before, fields } of alteration.links) {
    changeOne(session, { link: before, before: link, fields });
  }
  session.flush();
  await dismantle(session, begun);
  writeRecord(paths, record);
}
