/** Our rule in the forward chain of another firewall: looked up and put there. */
import type { ForeignAcceptObject } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import { hasAcceptRule, insertAcceptRule } from "../foreign-accept.ts";
import type { ForeignFamily } from "../foreign-policy.ts";
import type { KernelSession } from "../kernel-session.ts";

const familyNames: Readonly<Record<4 | 6, ForeignFamily>> = { 4: "ip", 6: "ip6" };

/** Puts rules where they are missing. They serve all, and go with our tables. */
export function applyForeignAccepts(
  session: KernelSession,
  op: Step["op"],
  objects: readonly ForeignAcceptObject[],
): void {
  if (op === "delete") return;
  for (const { family } of objects) insertAcceptRule(session, familyNames[family]);
}

export function observeForeignAccepts(
  session: KernelSession,
  objects: readonly ForeignAcceptObject[],
): ForeignAcceptObject[] {
  return objects.filter(({ family }) => hasAcceptRule(session, familyNames[family]));
}
