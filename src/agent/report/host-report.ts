/** What the API is to say of this host, and that it is alive. */

import type { Client } from "../../api/client/client.ts";
import { fenceOf, hostKind } from "../../api/kinds/host.ts";
import type { Host } from "../../api/kinds/index.ts";
import type { Condition } from "../../api/object.ts";
import { type Incarnation, standingOf, welcome } from "../../ipam/host-fence.ts";
import { refusalOf } from "../serving.ts";
import type { Underlay } from "./host-addresses.ts";
import { withCondition } from "./port-report.ts";
import type { Vigil } from "./vigil.ts";

export interface HostReport extends Incarnation {
  readonly host: string;
  readonly version: string;
  readonly kernel: string;
  readonly addresses: readonly string[];
  readonly underlay: readonly Underlay[];
  /** WireGuard's; absent: nothing needed one yet. */
  readonly publicKey?: string;
  /** Addresses that it is to be reached by, and does not have. */
  readonly missing: readonly string[];
  readonly ports: number;
  readonly repairs: number;
  /** Why what the agent must keep can't be kept on disk; absent: it can. */
  readonly failure?: string;
  /** Files of the agent's that can't be read, and what that means; absent: all can. */
  readonly damage?: string;
  /** What networks do not reach, and why; absent: all. */
  readonly unreached?: string;
  /** Why BGP is not as it is to be; absent: it is, or is not spoken. */
  readonly unspoken?: string;
  /** Absent: no network has backend bgp. */
  readonly bgp?: NonNullable<Host["status"]>["bgp"];
  /** Subnets, as `namespace/name`. */
  readonly wantedBlocks: readonly string[];
}

export interface Clocks {
  readonly now: Date;
  /** As `performance.now()` tells. */
  readonly nowMs: number;
  /** Kept from one report to the next. */
  readonly vigil: Vigil;
  /** As of `AgentSettings`. */
  readonly isBesideStore?: boolean | undefined;
}

export type Reported =
  | { readonly refusal: string; readonly revision?: undefined }
  /** The store's, of what was told. */
  | { readonly revision: number; readonly refusal?: undefined };

/**
 * Makes the host's object where there is none, and tells its status where this agent serves it, or
 * why it does not. Throws UnreachableError and ApiError: Conflict where another told something
 * meanwhile, so look again.
 */
export async function reportHost(
  api: Client,
  report: HostReport,
  clocks: Clocks,
): Promise<Reported> {
  const { host, agent, boot } = report;
  const hosts = api.of(hostKind);
  const metadata = { name: host };
  const known = (await hosts.find(metadata)) ?? (await hosts.create({ metadata, spec: {} }));
  // Of the very object that was read: one that comes late must not bring an old boot back.
  const { resourceVersion } = known.metadata;
  const tell = async (status: object) => {
    const patch = { metadata: { resourceVersion }, status };
    const told = await hosts.status.mergePatch(metadata, patch);
    return { revision: Number(told.metadata.resourceVersion) };
  };
  const fence = fenceOf(known);
  const standing = standingOf(fence, report);
  if (standing === "serving") return tell(statusOf(known, report, clocks));
  const { heartbeat = "" } = known.status ?? {};
  const life = clocks.vigil.look(`${fence.agent} ${fence.boot} ${heartbeat}`, clocks.nowMs);
  const isOver = clocks.isBesideStore || life === "silent";
  const mayReplace = standing !== "heir" || isOver;
  const hello = { agent, boot, ...(mayReplace && { replaces: fence.boot }) };
  const next = welcome(fence, hello) ?? fence;
  if (next !== fence) return tell({ ...statusOf(known, report, clocks), agent, boot });
  const refusal = refusalOf(host, standing, known.status);
  if (standing === "stranger" || life === "alive") await tell(contest(known, refusal, clocks));
  return { refusal };
}

const timeOf = ({ now }: Clocks): string => `${now.toISOString().slice(0, 19)}Z`;

function statusOf(known: Host, report: HostReport, clocks: Clocks) {
  const { host: _, agent: _agent, boot: _boot, failure, damage, ...others } = report;
  const { missing, unreached, unspoken, bgp, ...told } = others;
  const heartbeat = timeOf(clocks);
  const at = { lastTransitionTime: heartbeat, observedGeneration: known.metadata.generation };
  const before = uncontested(known.status?.conditions ?? [], clocks, at);
  const ready = { status: "True", reason: "AgentServes", message: "Its agent serves" } as const;
  const troubles = [
    { ...diskPressure, message: failure },
    { ...stateDamaged, message: damage },
    { ...networkUnavailable, message: unreached },
    { ...bgpUnavailable, message: unspoken },
    { ...addressMissing, message: missing.length > 0 ? missing.join(", ") : undefined },
  ];
  const all = troubles.reduce((done, trouble) => withTrouble(done, trouble, at), before);
  const conditions = withCondition(all, { ...{ type: "Ready", ...ready, ...at } });
  // A merge patch: what is not told any more is to go.
  const spoken = bgp ?? (known.status?.bgp && null);
  return { ...told, ...(spoken !== undefined && { bgp: spoken }), heartbeat, conditions };
}

type At = Pick<Condition, "lastTransitionTime" | "observedGeneration">;

/** With the condition that another agent takes itself for this host's. */
function contest({ metadata, status }: Host, refusal: string, clocks: Clocks) {
  const contested = {
    type: "Contested",
    status: "True",
    reason: "AnotherAgent",
    message: `Another agent was refused at ${timeOf(clocks)}: ${refusal}`,
    lastTransitionTime: timeOf(clocks),
    observedGeneration: metadata.generation,
  } as const;
  return { conditions: withCondition(status?.conditions ?? [], contested) };
}

/** The other says so again and again, or it is gone. */
function uncontested(
  known: readonly Condition[],
  { vigil, nowMs }: Clocks,
  at: At,
): readonly Condition[] {
  const type = "Contested";
  const contested = known.find((condition) => condition.type === type);
  if (contested?.status !== "True") return known;
  if (vigil.look(contested.message, nowMs) !== "silent") return known;
  const message = "No other agent takes itself for this host's";
  return withCondition(known, { ...{ type, status: "False", reason: "Alone", message }, ...at });
}

interface Trouble {
  readonly type: string;
  /** While there is such. */
  readonly reason: string;
  /** What comes before the message. */
  readonly begins: string;
  readonly over: { readonly reason: string; readonly message: string };
  /** Absent: there is none. */
  readonly message: string | undefined;
}

const diskPressure = {
  type: "DiskPressure",
  reason: "NotKept",
  begins: "The agent goes on, but its disk does not take what its next start needs",
  over: { reason: "Kept", message: "The agent's disk takes what its next start needs" },
} as const;

const stateDamaged = {
  type: "StateDamaged",
  reason: "Unreadable",
  begins: "The agent goes on, but lacks some of what it kept on its disk",
  over: { reason: "Readable", message: "The agent knows again what it kept on its disk" },
} as const;

const networkUnavailable = {
  type: "NetworkUnavailable",
  reason: "HostsNotReached",
  begins: "Its containers do not reach all that they are to reach",
  over: { reason: "HostsReached", message: "All hosts of its networks are reached" },
} as const;

const bgpUnavailable = {
  type: "BGPUnavailable",
  reason: "NotAsAsked",
  begins: "Not all is told to whom it is to be, or heard",
  over: { reason: "AsAsked", message: "It has all BGP sessions that it is to have, or none" },
} as const;

const addressMissing = {
  type: "AddressMissing",
  reason: "NotOnHost",
  begins: "Its spec.addresses names what is on none of its links: correct that, or the host",
  over: { reason: "OnHost", message: "The host has all addresses that its spec.addresses names" },
} as const;

/** With the condition whether there is such a trouble, once there was. */
function withTrouble(
  known: readonly Condition[],
  { type, reason, begins, over, message }: Trouble,
  at: At,
): readonly Condition[] {
  if (message === undefined && !known.some((condition) => condition.type === type)) return known;
  const now =
    message === undefined
      ? ({ status: "False", ...over } as const)
      : ({ status: "True", reason, message: `${begins}: ${message}` } as const);
  return withCondition(known, { type, ...now, ...at });
}
