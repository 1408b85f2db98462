/** Queueing disciplines in the kernel: looked up, made and removed. */

import type { Request } from "../../kernel/netlink/message.ts";
import {
  addQdisc,
  listQdiscs,
  type QdiscInfo,
  type QdiscPlace,
  removeQdisc,
} from "../../kernel/netlink/qdisc.ts";
import { burstOf } from "../../kernel/netlink/traffic.ts";
import {
  addTrafficClass,
  listTrafficClasses,
  type TrafficClass,
} from "../../kernel/netlink/traffic-class.ts";
import type {
  QdiscClass,
  QdiscObject,
  QdiscQueue,
  TokenBucket,
} from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import type { KernelSession } from "../kernel-session.ts";

/** Makes or removes them. What goes with its link needs no removing. */
export function applyQdiscs(
  session: KernelSession,
  op: Step["op"],
  qdiscs: readonly QdiscObject[],
): void {
  for (const qdisc of qdiscs) {
    const { netns, link } = qdisc;
    if (op === "delete" && !session.isLinkThere(netns, link)) continue;
    const index = session.indexOf(netns, link);
    const place = { index, parent: qdisc.parent, handle: qdisc.handle };
    const removal = op === "create" ? [] : [removeQdisc(place)];
    const creation = op === "delete" ? [] : requestsOf(qdisc, place);
    for (const item of [...removal, ...creation]) {
      // The kernel knows links by number, people by name.
      const words = item.op.replace(`link ${index}`, `link "${link}"`);
      session.enqueue(netns, { ...item, op: words });
    }
  }
}

function requestsOf(qdisc: QdiscObject, place: QdiscPlace): Request[] {
  switch (qdisc.type) {
    case "ingress":
      return [addQdisc({ ...place, kind: "ingress" })];
    case "tbf":
      return [addQdisc({ ...place, kind: "tbf", tbf: qdisc })];
    case "htb": {
      const { index, handle } = place;
      return [
        addQdisc({ ...place, kind: "htb", htb: qdisc }),
        ...qdisc.classes.flatMap((one) => [
          addTrafficClass(index, handle, one),
          // The kernel's own queue is as long as the link's, which may be nothing.
          addQueue({ index, parent: one.handle, handle: "0:" }, one.queue),
        ]),
      ];
    }
  }
}

function addQueue(place: QdiscPlace, queue: QdiscQueue): Request {
  const { type: kind } = queue;
  return addQdisc({ ...place, kind, [kind]: queue });
}

/** What exists where the wanted ones should be. */
export function observeQdiscs(
  session: KernelSession,
  wanted: readonly QdiscObject[],
): QdiscObject[] {
  return [...new Set(wanted.map(({ netns }) => netns))].flatMap((netns) => {
    const { socket } = session.namespace(netns);
    const all = listQdiscs(socket);
    return wanted.flatMap((qdisc) => {
      if (qdisc.netns !== netns) return [];
      const index = session.namespace(netns).findLink(qdisc.link)?.index;
      const here = all.filter((info) => info.index === index);
      const found = here.find(({ parent }) => parent === qdisc.parent);
      // The kernel's own default has no number.
      if (index === undefined || !found || found.handle === "0:") return [];
      const classes = qdisc.type === "htb" ? listTrafficClasses(socket, index) : [];
      return [seen(qdisc, found, { here, classes })];
    });
  });
}

/** On one link. */
interface Surroundings {
  readonly here: readonly QdiscInfo[];
  readonly classes: readonly TrafficClass[];
}

/** As it is, under the owner's scope. One of another kind differs in its type. */
function seen(wanted: QdiscObject, found: QdiscInfo, { here, classes }: Surroundings): QdiscObject {
  const { tbf, htb, handle } = found;
  const placed = { ...wanted, type: found.kind, handle };
  if (tbf && wanted.type === "tbf") {
    const { rateBytes, burstBytes, limitBytes } = tbf;
    return { ...wanted, handle, rateBytes, limitBytes, burstBytes: near(wanted, tbf, burstBytes) };
  }
  if (!htb || wanted.type !== "htb") return placed as QdiscObject;
  const told = classes.map((one): QdiscClass => {
    const want = wanted.classes.find((candidate) => candidate.handle === one.handle);
    const burstBytes = want ? near(want, one, one.burstBytes) : one.burstBytes;
    return { ...one, burstBytes, queue: queueOf(want?.queue, here, one.handle) };
  });
  const inOrder = told.sort((a, b) => (a.handle < b.handle ? -1 : 1));
  return { ...wanted, handle, defaultClass: htb.defaultClass, classes: inOrder };
}

/** The queue of the class `handle`, as far as it is of a kind that classes are given. */
function queueOf(
  want: QdiscQueue | undefined,
  here: readonly QdiscInfo[],
  handle: string,
): QdiscQueue {
  const { tbf, bfifo } = here.find(({ parent }) => parent === handle) ?? {};
  if (!tbf) return { type: "bfifo", limitBytes: bfifo?.limitBytes ?? 0 };
  const { rateBytes, limitBytes } = tbf;
  const burstBytes = want?.type === "tbf" ? near(want, tbf, tbf.burstBytes) : tbf.burstBytes;
  return { type: "tbf", rateBytes, burstBytes, limitBytes };
}

type Bucket = Pick<TokenBucket, "rateBytes" | "burstBytes">;

/**
 * The kernel tells a burst in ticks, of which it loses one or two: what agrees as far as can be
 * seen is what is wanted.
 */
function near(wanted: Bucket, { rateBytes }: Bucket, burstBytes: number): number {
  if (wanted.rateBytes !== rateBytes) return burstBytes;
  // More than the field holds is cut to its lower bits.
  const visible = burstOf(2 ** 32, rateBytes);
  const tolerance = burstOf(2, rateBytes) + 1 + wanted.burstBytes * 1e-6;
  const off = Math.abs((wanted.burstBytes % visible) - burstBytes);
  return Math.min(off, visible - off) <= tolerance ? wanted.burstBytes : burstBytes;
}
