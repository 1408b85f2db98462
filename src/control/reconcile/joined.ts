/** Ports that join one that came or went: they are looked at, for nothing of their own changed. */
import { keyOf, keyOfReferrer, prefixOf, referrersPrefix } from "../objects/keys.ts";
import { claimWishes } from "./claims.ts";
import { kindOf, nameOf, placeOf, type Reconciler } from "./reconciler.ts";

const portKind = kindOf("Port");

export const joinedPorts: Reconciler = {
  name: "joined-ports",
  pauseMs: 20,
  touched: ({ plural, object, previous }) => {
    if (plural !== "ports" || (object && previous)) return [];
    return [nameOf((object ?? previous)!)];
  },
  async run(context, what) {
    const key = keyOf(portKind, placeOf(what));
    const prefix = referrersPrefix(key);
    const { entries } = await context.objects.store.list(prefix);
    const joining = entries.map((entry) => keyOfReferrer(entry.key));
    for (const each of joining) {
      await claimWishes.run(context, each.slice(prefixOf(portKind).length));
    }
    return undefined;
  },
};
