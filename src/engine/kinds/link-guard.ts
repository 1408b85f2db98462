/** Guards of links inside containers' namespaces: looked at, installed, taken away. */
import { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import {
  installGuard,
  isGuardWhole,
  isUnsupported,
  removeGuard,
} from "../../kernel/nft/link-guard.ts";
import type { LinkGuardObject } from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import type { KernelSession } from "../kernel-session.ts";

function inside<T>(
  session: KernelSession,
  { netns }: LinkGuardObject,
  work: (socket: NetlinkSocket) => T,
): T {
  using socket = session.namespace(netns).inside(() => new NetlinkSocket("netfilter"));
  return work(socket);
}

/** Those that are whole. */
export function observeGuards(
  session: KernelSession,
  guards: readonly LinkGuardObject[],
): LinkGuardObject[] {
  return guards.filter((guard) => inside(session, guard, (socket) => isGuardWhole(socket, guard)));
}

/** Throws NftError; not for a guard that is not required, on a kernel that has none. */
export function applyGuards(
  session: KernelSession,
  op: Step["op"],
  guards: readonly LinkGuardObject[],
): void {
  session.flush();
  for (const guard of guards) {
    if (op === "delete") inside(session, guard, (socket) => removeGuard(socket, guard.table));
    else restoreGuard(session, guard);
  }
}

/** Puts the guard in place, if this kernel has such. Gives whether it is in force. */
export function restoreGuard(session: KernelSession, guard: LinkGuardObject): boolean {
  try {
    inside(session, guard, (socket) => installGuard(socket, guard));
    return true;
  } catch (error) {
    if (guard.isRequired || !isUnsupported(error)) throw error;
    return false;
  }
}
