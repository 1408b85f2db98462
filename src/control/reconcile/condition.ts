/** Conditions of objects: what is told of them, and since when. Pure. */
import type { Condition } from "../../api/object.ts";

export type Told = Pick<Condition, "type" | "status" | "reason" | "message">;

/** The conditions with this one in the place of its like. Its time stays while its status does. */
export function withCondition(
  conditions: readonly Condition[] = [],
  told: Told,
  { now, generation }: { readonly now: string; readonly generation: number },
): Condition[] {
  const before = conditions.find(({ type }) => type === told.type);
  const isSame = before?.status === told.status;
  const next: Condition = {
    ...told,
    lastTransitionTime: isSame ? before.lastTransitionTime : now,
    observedGeneration: generation,
  };
  return before
    ? conditions.map((condition) => (condition === before ? next : condition))
    : [...conditions, next];
}
