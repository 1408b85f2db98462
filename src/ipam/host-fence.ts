/** Who serves a host, whether it may have blocks, and when what it had may be given to others. */

/** An agent in one boot of its machine. What it attached is gone with the boot. */
export interface Incarnation {
  /** Random, kept with the agent's files: who has no such file is another agent. */
  readonly agent: string;
  readonly boot: string;
}

/** Part of the object `Host`, changed by compare-and-set. */
export interface HostFence {
  /** The boot of the host that the control plane last confirmed. */
  readonly boot: string;
  /** The agent that serves the host in that boot; absent: none yet. */
  readonly agent?: string;
  /** It is being removed: it gets no block, and all of its own are recalled. */
  readonly removing?: boolean;
  /** The boot of which the operator said that it is over, with all that ran in it. */
  readonly over?: string;
}

/** A host says who serves it, and in which boot it is. */
export interface Hello extends Incarnation {
  /**
   * The boot that the last view told; the host compares and sets, so a late hello sets nothing.
   * Left out while that boot may still be alive.
   */
  readonly replaces?: string;
}

/**
 * What an agent is to a host by its name:
 * - `serving`: it alone attaches and reports.
 * - `newcomer`: nobody serves yet.
 * - `heir`: the same agent serves in another boot: the one before it or, where its disk was
 *   copied, one that still runs. It may follow once that boot is silent.
 * - `stranger`: another agent serves, whose containers may run: the operator must remove the host.
 */
export type Standing = "serving" | "newcomer" | "heir" | "stranger";

export function standingOf(fence: HostFence, own: Incarnation): Standing {
  if (fence.agent === undefined) return "newcomer";
  if (fence.agent !== own.agent) return "stranger";
  return fence.boot === own.boot ? "serving" : "heir";
}

/** The boot that a view of this fence tells an agent: none where another serves. */
export const bootFor = ({ agent, boot }: HostFence, own: Pick<Incarnation, "agent">): string =>
  agent === own.agent ? boot : "";

/**
 * The fence after a hello, the same where it changes nothing; answer with a view in either case.
 * Undefined: no answer, because the host must join again when its removal is done. Commit this
 * before the view is read, so that a view of the boot comes after it.
 */
export function welcome(fence: HostFence, hello: Hello): HostFence | undefined {
  if (fence.over !== undefined) return undefined;
  const { agent, boot, replaces } = hello;
  const standing = standingOf(fence, hello);
  const mayServe = standing === "newcomer" || standing === "heir";
  return mayServe && fence.boot === replaces ? { ...fence, agent, boot } : fence;
}

/** Whether a block may be leased to it. Commit the lease only while this stands. */
export const mayLease = ({ removing }: HostFence): boolean => removing !== true;

/** Whether `reclaimBlock` may take its blocks. */
export const mayReclaim = ({ over }: HostFence): boolean => over !== undefined;
