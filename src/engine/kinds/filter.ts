/** Filters of traffic control in the kernel: looked up, made and removed. */
import {
  addFilter,
  type FilterInfo,
  keysOf,
  listFilters,
  type NewFilter,
  removeFilter,
} from "../../kernel/netlink/filter.ts";
import { getLink } from "../../kernel/netlink/link-info.ts";
import type { FilterObject } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import type { KernelSession } from "../kernel-session.ts";

/** Makes or removes them. What goes with its link needs no removing. */
export function applyFilters(
  session: KernelSession,
  op: Step["op"],
  filters: readonly FilterObject[],
): void {
  for (const filter of filters) {
    const { netns, link, redirect, ...rest } = filter;
    if (op === "delete" && !session.isLinkThere(netns, link)) continue;
    const place = { ...rest, index: session.indexOf(netns, link) };
    const removal = op === "create" ? [] : [removeFilter(place)];
    const target = op !== "delete" && redirect ? session.indexOf(netns, redirect) : undefined;
    const creation = op === "delete" ? [] : [addFilter({ ...place, redirect: target })];
    for (const item of [...removal, ...creation]) {
      const words = item.op.replace(`link ${place.index}`, `link "${link}"`);
      session.enqueue(netns, { ...item, op: words });
    }
  }
}

/** What exists where the wanted ones should be. */
export function observeFilters(
  session: KernelSession,
  wanted: readonly FilterObject[],
): FilterObject[] {
  const lists = new Map<string, FilterInfo[]>();
  return wanted.flatMap((filter) => {
    const { netns, link, parent } = filter;
    const namespace = session.namespace(netns);
    const index = namespace.findLink(link)?.index;
    if (index === undefined) return [];
    const name = `${netns} ${link} ${parent}`;
    const list = lists.get(name) ?? listFilters(namespace.socket, index, parent);
    lists.set(name, list);
    const found = list.find(({ priority }) => priority === filter.priority);
    return found ? [seen(session, filter, found)] : [];
  });
}

/** As it is, under the owner's scope. */
function seen(session: KernelSession, wanted: FilterObject, found: FilterInfo): FilterObject {
  const { protocol, classId } = found;
  return {
    ...wanted,
    protocol,
    classId,
    redirect: found.redirect === undefined ? undefined : nameOf(session, wanted, found.redirect),
    match: isSame(wanted, found) ? wanted.match : { field: "src", prefix: "another" },
  };
}

function isSame(wanted: Pick<NewFilter, "protocol" | "match">, found: FilterInfo): boolean {
  return JSON.stringify(keysOf(wanted)) === JSON.stringify(found.keys);
}

function nameOf(session: KernelSession, { netns }: FilterObject, index: number): string {
  // The link that was meant is gone.
  if (index === 0) return "";
  return getLink(session.namespace(netns).socket, { index })?.name ?? `link ${index}`;
}
