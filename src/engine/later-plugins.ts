/** What plugins behind it in a chain changed of an attachment, which is no fault of it. */
import { listAddresses } from "../kernel/netlink/address.ts";
import { getLink } from "../kernel/netlink/link-info.ts";
import { splitPrefix } from "../kernel/netlink/rtm.ts";
import { listRules } from "../kernel/netlink/rule.ts";
import type { KernelObject, LinkPlace, RouteObject } from "../model/kernel-object.ts";
import { key } from "../plan/key.ts";
import type { KernelSession } from "./kernel-session.ts";
import { observe } from "./observe.ts";

const mainTable = 254;

/** `expected` without the sysctls that one of the objects in `later` has set since. */
export function withoutOverridden(
  expected: readonly KernelObject[],
  later: readonly KernelObject[],
): readonly KernelObject[] {
  const sysctls = new Set(later.filter(({ kind }) => kind === "sysctl").map(key));
  return sysctls.size === 0 ? expected : expected.filter((object) => !sysctls.has(key(object)));
}

/** Whether a route of the main table stands where its link's packets look now: sbr, vrf. */
export function isElsewhere(session: KernelSession, route: KernelObject): boolean {
  if (route.kind !== "route" || (route.table ?? mainTable) !== mainTable) return false;
  const { gateway } = route;
  return tablesOf(session, { netns: route.netns, name: route.link }).some((table) => {
    const [found] = observe(session, [{ ...route, table }]) as RouteObject[];
    return found !== undefined && (gateway === undefined || found.gateway === gateway);
  });
}

/** The tables that rules give to the link's addresses, and that of the VRF that it is in. */
function tablesOf(session: KernelSession, { netns, name }: LinkPlace): number[] {
  const namespace = session.namespace(netns);
  const { socket } = namespace;
  const link = namespace.findLink(name);
  if (!link) return [];
  const own = listAddresses(socket, { index: link.index }).map(
    ({ address }) => splitPrefix(address).address,
  );
  const ruled = listRules(socket).flatMap(({ src, table }) =>
    src !== undefined && own.includes(splitPrefix(src).address) ? (table ?? []) : [],
  );
  const master = link.master === undefined ? undefined : getLink(socket, { index: link.master });
  const vrf = master?.kind === "vrf" ? (master.data as { table?: number } | undefined) : undefined;
  return [...new Set([...ruled, ...(vrf?.table === undefined ? [] : [vrf.table])])];
}
