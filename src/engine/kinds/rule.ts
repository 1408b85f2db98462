/** Policy routing rules: looked up, added, removed. */

import { familyOf } from "../../kernel/netlink/rtm.ts";
import { addRule, listRules, type NewRule, removeRule } from "../../kernel/netlink/rule.ts";
import type { RuleObject } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import type { KernelSession } from "../kernel-session.ts";

export function observeRules(session: KernelSession, rules: readonly RuleObject[]): RuleObject[] {
  return [...new Set(rules.map(({ netns }) => netns))].flatMap((netns) => {
    const found = listRules(session.namespace(netns).socket);
    return rules.filter((wanted) => {
      const isThis = (rule: NewRule) =>
        rule.src === wanted.src &&
        rule.table === wanted.table &&
        (wanted.priority === undefined || rule.priority === wanted.priority);
      return wanted.netns === netns && found.some(isThis);
    });
  });
}

export function applyRules(
  session: KernelSession,
  op: Step["op"],
  rules: readonly RuleObject[],
): void {
  for (const { netns, src, table, priority } of rules) {
    const spec = { src, table, priority, family: familyOf(src) };
    session.enqueue(netns, op === "delete" ? removeRule(spec) : addRule(spec));
  }
}
