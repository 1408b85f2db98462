/** The rules that the reference's sbr made: those from the link's own addresses. */
import { listAddresses } from "../../kernel/netlink/address.ts";
import { splitPrefix } from "../../kernel/netlink/rtm.ts";
import { listRules, type RuleInfo, removeRule } from "../../kernel/netlink/rule.ts";
import type { Engine } from "../engine.ts";
import type { ReferenceTraces, TracedAttachment } from "../extend.ts";

/** Its routes stand on the link, and go with it. */
export const sbrTraces: ReferenceTraces = {
  remove(engine, of) {
    const rules = rulesOf(engine, of);
    if (rules.length > 0) engine.session.namespace(of.netns!).socket.run(rules.map(removeRule));
  },
  has: (engine, of) => rulesOf(engine, of).length > 0,
};

function rulesOf({ session }: Engine, { netns, ifName }: TracedAttachment): RuleInfo[] {
  if (netns === undefined) return [];
  const { socket } = session.namespace(netns);
  const index = session.namespace(netns).findLink(ifName)?.index;
  if (index === undefined) return [];
  const own = listAddresses(socket, { index }).map(({ address }) => splitPrefix(address).address);
  return listRules(socket).filter(({ src }) => {
    return src !== undefined && own.includes(splitPrefix(src).address);
  });
}
