/** How hosts speak BGP: of several objects that tell, which one they heed. */
import { bgpConfigurationName } from "../../api/kinds/bgp-configuration.ts";
import type { BGPConfiguration } from "../../api/kinds/index.ts";
import { type Told, withCondition } from "./condition.ts";
import { find, type Reconciler, writeStatus } from "./reconciler.ts";

export const bgpConfigurationStatus: Reconciler = {
  name: "bgp-configuration-status",
  pauseMs: 1000,
  touched: ({ plural, object }) =>
    plural === "bgpconfigurations" && object ? [object.metadata.name] : [],
  async run(context, what) {
    const found = await find<BGPConfiguration>(context, "BGPConfiguration", what);
    if (!found) return undefined;
    await writeStatus(context, found, ({ metadata, status }) => {
      const at = { now: context.objects.now(), generation: metadata.generation };
      return { ...status, conditions: withCondition(status?.conditions, readiness(what), at) };
    });
    return undefined;
  },
};

function readiness(name: string): Told {
  const type = "Ready";
  if (name === bgpConfigurationName) {
    return { type, status: "True", reason: "Heeded", message: "Hosts heed it" };
  }
  const message =
    `No host heeds it: hosts heed the BGPConfiguration named "${bgpConfigurationName}" alone. Give ` +
    "that one this spec, and delete this one";
  return { type, status: "False", reason: "NotHeeded", message };
}
