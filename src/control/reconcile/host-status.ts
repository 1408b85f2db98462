/** Hosts: one whose agent is not heard of is not ready, and may be removed after a while. */
import { conditionStatus } from "../../api/kinds/fields.ts";
import { overAnnotation, silentReason } from "../../api/kinds/host.ts";
import type { Host } from "../../api/kinds/index.ts";
import type { ApiObject, Condition } from "../../api/object.ts";
import { ifOvertaken } from "./blocks.ts";
import { withCondition } from "./condition.ts";
import {
  find,
  kindOf,
  type ReconcileContext,
  type Reconciler,
  writer,
  writeStatus,
} from "./reconciler.ts";

/** Unless told otherwise. Agents tell of themselves every ten seconds. */
export const silenceMs = 40_000;
/** A clock that waits for days is looked at between. */
const longestWaitMs = 3_600_000;

export const hostStatus: Reconciler = {
  name: "host-status",
  pauseMs: 1000,
  touched: ({ plural, object }) => (plural === "hosts" && object ? [object.metadata.name] : []),
  async run(context, what) {
    const host = await find<Host>(context, "Host", what);
    if (!host) return undefined;
    if (silentOf(host)) return removeOverdue(context, host);
    if (conditionStatus(host, "Ready") === "False") return undefined;
    const left = patienceLeft(host, context);
    if (left > 0) return left;
    await writeStatus(context, host, (live) => {
      // It may have been heard of meanwhile.
      if (patienceLeft(live as Host, context) > 0) return live.status;
      const { status, metadata } = live as Host;
      const message = status?.heartbeat
        ? `Its agent was last heard of at ${status.heartbeat}: look whether it runs`
        : "Its agent was never heard of: start it";
      const ready = { type: "Ready", status: "False", reason: silentReason, message } as const;
      const at = { now: context.objects.now(), generation: metadata.generation };
      return { ...status, conditions: withCondition(status?.conditions, ready, at) };
    });
    return undefined;
  },
};

/**
 * How long until a host counts as silent; 0 or less: it does. Who begins to look has not heard it
 * for as long himself: after an outage of the store all heartbeats are old.
 */
function patienceLeft({ status }: Host, { nowMs, sinceMs = 0, silence }: ReconcileContext): number {
  if (!status?.heartbeat) return 0;
  const heardMs = Math.max(Date.parse(status.heartbeat), sinceMs);
  return heardMs + (silence?.afterMs ?? silenceMs) - nowMs();
}

const silentOf = (host: ApiObject<any, any>): Condition | undefined =>
  ((host as Host).status?.conditions ?? []).find(
    ({ type, status, reason }) => type === "Ready" && status === "False" && reason === silentReason,
  ) as Condition | undefined;

/** As its operator would who says that it is off. */
async function removeOverdue(context: ReconcileContext, host: Host): Promise<number | undefined> {
  const { objects, silence, sinceMs = 0, nowMs } = context;
  if (silence?.removeAfterMs === undefined || host.metadata.deletionTimestamp) return undefined;
  const { lastTransitionTime } = silentOf(host)!;
  const dueMs = Date.parse(lastTransitionTime) + silence.removeAfterMs;
  // One that lives tells so as soon as servers do.
  const left = Math.max(dueMs, sinceMs + silence.afterMs) - nowMs();
  if (left > 0) return Math.min(left, longestWaitMs);
  const kind = kindOf("Host");
  const { name } = host.metadata;
  const boot = host.status?.boot ?? "";
  const marked = await objects
    .update(kind, { name }, (live) => (silentOf(live) ? withOver(live, boot) : live), writer)
    .catch(ifOvertaken);
  if (!marked || !silentOf(marked)) return undefined;
  const { resourceVersion } = marked.metadata;
  const going = await objects
    .delete(kind, { name }, { resourceVersion: resourceVersion! })
    .catch(ifOvertaken);
  if (going) return undefined;
  // It was heard of in that very moment: nobody may take it for over.
  await objects
    .update(kind, { name }, (live) => (silentOf(live) ? live : withOver(live, undefined)), writer)
    .catch(ifOvertaken);
  return undefined;
}

function withOver(live: ApiObject, boot: string | undefined): ApiObject {
  const { [overAnnotation]: _, ...others } = live.metadata.annotations ?? {};
  const annotations = { ...others, ...(boot !== undefined && { [overAnnotation]: boot }) };
  return { ...live, metadata: { ...live.metadata, annotations } };
}
