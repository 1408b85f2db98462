/** Hosts: one whose agent is not heard of is not ready. */

import { conditionStatus } from "../../api/kinds/fields.ts";
import type { Host } from "../../api/kinds/index.ts";
import { withCondition } from "./condition.ts";
import { find, type Reconciler, writeStatus } from "./reconciler.ts";

/** Agents tell of themselves every ten seconds. */
export const silenceMs = 40_000;

/** How long until a host counts as silent; 0 or less: it does. */
export const patienceLeft = ({ status }: Host, nowMs: number): number =>
  Date.parse(status?.heartbeat ?? "") + silenceMs - nowMs || 0;

export const hostStatus: Reconciler = {
  name: "host-status",
  pauseMs: 1000,
  touched: ({ plural, object }) => (plural === "hosts" && object ? [object.metadata.name] : []),
  async run(context, what) {
    const host = await find<Host>(context, "Host", what);
    if (!host || conditionStatus(host, "Ready") === "False") return undefined;
    const left = patienceLeft(host, context.nowMs());
    if (left > 0) return left;
    await writeStatus(context, host, (live) => {
      // It may have been heard of meanwhile.
      if (patienceLeft(live as Host, context.nowMs()) > 0) return live.status;
      const { status, metadata } = live as Host;
      const message = status?.heartbeat
        ? `Its agent was last heard of at ${status.heartbeat}: look whether it runs`
        : "Its agent was never heard of: start it";
      const ready = { type: "Ready", status: "False", reason: "Silent", message } as const;
      const at = { now: context.objects.now(), generation: metadata.generation };
      return { ...status, conditions: withCondition(status?.conditions, ready, at) };
    });
    return undefined;
  },
};
