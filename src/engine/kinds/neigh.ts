/** Neighbours that are known without asking: looked up, set, removed. */
import { listNeighs, removeNeigh, replaceNeigh } from "../../kernel/netlink/neigh.ts";
import type { NeighObject } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import type { KernelSession } from "../kernel-session.ts";

export function observeNeighs(
  session: KernelSession,
  neighs: readonly NeighObject[],
): NeighObject[] {
  return neighs.flatMap((wanted) => {
    const { netns, link, address } = wanted;
    const index = session.namespace(netns).findLink(link)?.index;
    if (index === undefined) return [];
    const found = listNeighs(session.namespace(netns).socket, { index }).find(
      ({ dst, state }) => dst === address && state === "permanent",
    );
    return found ? [{ ...wanted, mac: found.mac ?? "" }] : [];
  });
}

export function applyNeighs(
  session: KernelSession,
  op: Step["op"],
  neighs: readonly NeighObject[],
): void {
  for (const { netns, link, address: dst, mac } of neighs) {
    if (op === "delete" && !session.namespace(netns).findLink(link)) continue;
    const index = session.indexOf(netns, link);
    session.enqueue(
      netns,
      op === "delete" ? removeNeigh({ index, dst }) : replaceNeigh({ index, dst, mac }),
    );
  }
}
