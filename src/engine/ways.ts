/** Routes and neighbours of attachments on a link that they share and that loses an address. */
import type { KernelObject } from "../model/kernel-object.ts";
import { plan } from "../plan/plan.ts";
import { apply } from "./apply.ts";
import type { Engine } from "./engine.ts";
import { observe } from "./observe.ts";
import { type AttachmentRecord, listRecords } from "./record.ts";
import { isLive } from "./restore.ts";

/**
 * Makes again what others have on the links of the addresses among `removed`: with a link's last
 * IPv4 address the kernel takes every IPv4 route and neighbour there, whoever made it.
 */
export async function putBackWays(
  engine: Engine,
  record: AttachmentRecord,
  removed: readonly KernelObject[],
): Promise<void> {
  const addresses = removed.filter((object) => object.kind === "address");
  const isThere = (object: KernelObject) =>
    (object.kind === "route" || object.kind === "neigh") &&
    addresses.some(({ netns, link }) => netns === object.netns && link === object.link);
  const ways = listRecords(engine.paths)
    .filter(({ id, maker }) => id !== record.id || maker !== record.maker)
    .filter((other) => other.objects.some(isThere) && isLive(engine, other))
    .flatMap(({ objects }) => objects.filter(isThere));
  if (ways.length === 0) return;
  await engine.session.loadKinds(ways);
  apply(engine.session, plan(ways, observe(engine.session, ways)));
}
