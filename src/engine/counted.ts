/** What attachments share and what goes with the last that names it: a trunk's sub-interface. */
import { listLinks } from "../kernel/netlink/link-info.ts";
import { hostNetns, isShared, type KernelObject } from "../model/kernel-object.ts";
import { key } from "../plan/key.ts";
import { teardown } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import type { KernelSession } from "./kernel-session.ts";
import { lockNames } from "./lock.ts";
import type { Paths } from "./paths.ts";
import { type AttachmentRecord, visitRecords } from "./record.ts";
import { hasPortsOfOthers, isSharedByUs, leaveLink } from "./sharers.ts";

function isCounted({ life }: KernelObject): boolean {
  return life === "counted";
}

/**
 * For as long as the result lives nobody else makes or removes the counted ones among `objects`,
 * nor `more`. Throws StoreError, BusyError.
 */
export function lockCounted(
  paths: Paths,
  objects: readonly KernelObject[],
  more: readonly KernelObject[] = [],
): Promise<Disposable> {
  const counted = objects.filter(isCounted);
  const links = counted.filter(({ kind }) => kind === "link" || kind === "uplink");
  return lockNames(paths, [...(links.length > 0 ? links : counted), ...more].map(key));
}

/**
 * Removes the record's counted objects that no other record names, for who holds their lock. A link
 * that somebody else made stays. Throws NetlinkError, NftError.
 */
export async function removeCounted(engine: Engine, record: AttachmentRecord): Promise<void> {
  const { session, paths } = engine;
  const counted = record.objects.filter(isCounted);
  if (counted.length === 0) return;
  const free = new Map(counted.map((object) => [key(object), object]));
  visitRecords(paths, (other) => {
    // What a record of an earlier boot names went with that boot.
    if (other.boot !== bootId()) return false;
    if (other.id === record.id && other.maker === record.maker) return false;
    for (const object of other.objects) if (isShared(object)) free.delete(key(object));
    return free.size === 0;
  });
  if (free.size === 0) return;
  if ([...free.values()].some(({ kind }) => kind.startsWith("nft-"))) await session.loadNft();
  const ours = [...free.values()].filter((object) => isOurs(session, object));
  const steps = teardown(ours.map((object) => ({ ...object, life: "exclusive" })));
  const links = steps.flatMap(({ object }) => (object.kind === "link" ? [object] : []));
  const isOnThem = (object: KernelObject) =>
    "link" in object && links.some((l) => l.netns === object.netns && l.name === object.link);
  const rest = steps.filter(({ object }) => object.kind !== "link" && !isOnThem(object));
  apply(session, rest);
  if (rest.some(({ object }) => object.kind === "address")) {
    const { putBackWays } = await import("./ways.ts");
    await putBackWays(
      engine,
      record,
      rest.map(({ object }) => object),
    );
  }
  for (const { netns, name } of links) {
    const found = session.namespace(netns).findLink(name);
    if (found) await leaveLink(session, netns, found);
  }
}

/** Asked anew: it may have been made since the last look. Nor what others need by now. */
function isOurs(session: KernelSession, object: KernelObject): boolean {
  if (object.kind === "uplink") {
    const bridge = session.namespace(hostNetns).findLink(object.bridge);
    return !hasPortsOfOthers(session, bridge?.index);
  }
  if (object.kind !== "link") return true;
  if (!session.isThere(object.netns)) return false;
  const namespace = session.namespace(object.netns);
  namespace.forget(object.name);
  const found = namespace.findLink(object.name);
  if (!found || !isSharedByUs(session, found)) return false;
  // Links that somebody else put into it would lose their routes.
  return object.type !== "vrf" || listLinks(namespace.socket, { master: found.index }).length === 0;
}
