/** Repairs what a notice of drift is about, and looks at nothing else. */
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import type { DriftNotice } from "./drift.ts";
import type { Engine } from "./engine.ts";
import type { AttachmentRecord } from "./record.ts";
import { RecordCache } from "./record-cache.ts";
import {
  attachmentsOf,
  emptyReport,
  mendAll,
  type RepairReport,
  repairAll,
  type Suspects,
  suspect,
} from "./repair.ts";

/** As `repairAll`, for the attachments that have to do with what was touched. */
export async function repairTouched(
  engine: Engine,
  notice: DriftNotice,
  records: RecordCache = new RecordCache(),
): Promise<RepairReport> {
  const { containers } = notice;
  if (notice.resync) return repairAll(engine, { containers, records });
  const suspects: Suspects = new Map();
  for (const [id, all] of attachmentsOf(engine, records)) {
    if (notice.ids.has(id) || all.some(({ netns }) => containers.has(netns))) {
      suspects.set(id, new Set());
    }
    for (const object of all.flatMap(({ objects }) => objects)) {
      if (isTouched(notice, object)) suspect(suspects, id, object);
    }
  }
  // First, for elements and their chains come back with our tables.
  const all = notice.nft ? await repairAll(engine, { containers: new Set(), records }) : undefined;
  const report = await mendAll(engine, suspects, emptyReport());
  return all === undefined ? report : together(all, report);
}

function together(a: RepairReport, b: RepairReport): RepairReport {
  return {
    repaired: [...a.repaired, ...b.repaired],
    failed: [...a.failed, ...b.failed],
    stale: [...a.stale, ...b.stale],
    restored: a.restored + b.restored,
  };
}

function isTouched(notice: DriftNotice, object: KernelObject): boolean {
  if (object.netns !== hostNetns) return false;
  switch (object.kind) {
    case "link":
    case "uplink":
      return notice.links.has(object.name);
    case "link-settings":
    case "qdisc":
      return notice.links.has(object.link);
    case "address":
      return notice.addresses.has(object.address);
    case "route":
      return notice.routes.has(object.dst);
    case "sysctl":
      return notice.sysctls.has(object.path);
    default:
      return false;
  }
}

/** The containers that an instance's attachments are in, by path, and whether it guards inside. */
export function containersOf(
  records: readonly AttachmentRecord[],
): ReadonlyMap<string, { readonly isGuarded: boolean }> {
  const found = new Map<string, { isGuarded: boolean }>();
  for (const { netns, objects } of records) {
    if (netns === hostNetns) continue;
    const isGuarded = objects.some(({ kind }) => kind === "link-guard");
    found.set(netns, { isGuarded: isGuarded || found.get(netns)?.isGuarded === true });
  }
  return found;
}
