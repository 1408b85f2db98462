/** Removes what attachments left that the runtime no longer knows. */
import { listLinks } from "../kernel/netlink/link-info.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { Attachment } from "../model/port.ts";
import { clean } from "./clean.ts";
import { detach, removeUnrecorded } from "./detach.ts";
import type { Engine } from "./engine.ts";
import { lockToDetach } from "./lock.ts";
import { attachmentId, idOfAlias } from "./names.ts";
import { listRecords } from "./record.ts";

/** Whose attachments to look through. */
export interface CollectRequest {
  readonly network: string;
  readonly maker: string;
  /** Those that stay. */
  readonly valid: readonly Attachment[];
  /** The network's bridge: what is on it with our mark, but without a record, goes too. */
  readonly bridge?: string;
}

/**
 * Detaches every attachment of the network that `valid` does not name; an empty `valid` also
 * removes what the network's attachments shared. Goes on past failures and throws them all.
 */
export async function collect(engine: Engine, request: CollectRequest): Promise<void> {
  const { network, maker, valid } = request;
  const keep = new Set(valid.map((one) => attachmentId(engine.paths, one)));
  const records = listRecords(engine.paths);
  const recorded = new Set(records.map(({ id }) => id));
  const stale = records.filter(
    (record) => record.network === network && record.maker === maker && !keep.has(record.id),
  );
  const errors: unknown[] = [];
  const attempt = (work: Promise<unknown>) => work.catch((error) => errors.push(error));
  for (const record of stale) {
    await attempt(locked(engine, record.id, () => detach(engine, record)));
  }
  for (const id of idsOn(engine, request.bridge)) {
    if (keep.has(id) || recorded.has(id)) continue;
    await attempt(locked(engine, id, () => removeUnrecorded(engine.session, id)));
  }
  if (valid.length === 0) await attempt(clean(engine));
  if (errors.length > 0) throw new AggregateError(errors, `Cannot clean network "${network}"`);
}

/** Does a piece of work while nobody else changes the attachment. */
async function locked({ paths }: Engine, id: string, work: () => Promise<void>): Promise<void> {
  using _lock = await lockToDetach(paths, id);
  await work();
}

/** Attachments that have a link of ours on the bridge. */
function idsOn({ session }: Engine, bridge: string | undefined): string[] {
  const host = session.namespace(hostNetns);
  const master = bridge === undefined ? undefined : host.findLink(bridge)?.index;
  if (master === undefined) return [];
  return listLinks(host.socket, { master }).flatMap(
    ({ alias }) => idOfAlias(session.paths, alias) ?? [],
  );
}
