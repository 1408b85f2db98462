/** Why a port does not have its addresses: its condition `Addressed` says so. */
import { conditionStatus } from "../../api/kinds/fields.ts";
import type { Host, IPPool, Port, Subnet } from "../../api/kinds/index.ts";
import { addressedCondition, networkOfPort } from "../../api/kinds/port.ts";
import { dutyOf, wishableRanges } from "../../ipam/block.ts";
import { isAmong, obstacle } from "../../ipam/block-allocation.ts";
import type { IpBlock } from "../../ipam/block-lease.ts";
import { layoutOf, poolOf } from "../../ipam/layout.ts";
import type { NodePrefix } from "../../ipam/node-prefix.ts";
import { serves, wishesFor } from "../../ipam/pool.ts";
import { canonicalIp, parseIp } from "../../lib/ip.ts";
import { containsIp, formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { portOfClaim, type Wish } from "./claim-place.ts";
import { withCondition } from "./condition.ts";
import { poolUserOf } from "./pool-user.ts";
import { find, type ReconcileContext, referring, writeStatus } from "./reconciler.ts";

export interface Trouble {
  readonly reason:
    | "NotInSubnet"
    | "AddressTaken"
    | "KeptByPool"
    | "JoinedMissing"
    | "JoinedElsewhere"
    | "Exhausted"
    | "QuotaExceeded";
  readonly message: string;
}

const type = addressedCondition;

/** Addresses that the port asks for and that are in no subnet of its network. */
export function troublesOutside({ spec }: Port, subnets: readonly Subnet[]): Trouble[] {
  return (spec.fixedIps ?? []).flatMap(({ subnet: name, address }) => {
    const among = subnets.filter(({ metadata }) => name === undefined || metadata.name === name);
    const ip = address === undefined ? undefined : parseIp(address);
    if (among.some(({ spec: { cidr } }) => !ip || containsIp(parsePrefix(cidr), ip))) return [];
    const where = name === undefined ? "no subnet" : `no subnet "${name}"`;
    const what = address === undefined ? "There is" : `${address} is in`;
    const message = `${what} ${where} of its network: change its spec.fixedIps, or add a subnet`;
    return [{ reason: "NotInSubnet", message }];
  });
}

/** A port whose addresses it is to share, and that is not there, or elsewhere. */
export async function troublesOfJoined(
  context: ReconcileContext,
  { metadata, spec }: Port,
): Promise<Trouble[]> {
  const { joins } = spec;
  if (joins === undefined) return [];
  const namespace = metadata.namespace!;
  const joined = await find<Port>(context, "Port", `${namespace}/${joins}`);
  if (!joined) {
    const message =
      `Port "${namespace}/${joins}", which it joins, is not there: create that one, or delete this ` +
      "one and make it anew with another spec.joins";
    return [{ reason: "JoinedMissing", message }];
  }
  const at = networkOfPort(joined.spec, namespace);
  const own = networkOfPort(spec, namespace);
  if (at.namespace === own.namespace && at.name === own.name) return [];
  const message =
    `Port "${namespace}/${joins}", which it joins, is on network "${at.namespace}/${at.name}": ` +
    "delete this one and make it anew on that network";
  return [{ reason: "JoinedElsewhere", message }];
}

/** Who or what has the address that is asked for, as far as that is known. */
export async function troubleOf(
  context: ReconcileContext,
  port: Port,
  { wish: { subnet, address }, blocks }: { wish: Wish; blocks: readonly IpBlock[] },
): Promise<Trouble | undefined> {
  if (address === undefined) return undefined;
  const ip = parseIp(address);
  const at = canonicalIp(address);
  const taken = (why: string): Trouble => ({
    reason: "AddressTaken",
    message: `${at} of subnet "${subnet.metadata.name}" is not to be had: ${why}`,
  });
  const duty = dutyOf(layoutOf(subnet), ip);
  if (duty !== undefined) return taken(`it is ${duty}, which no port gets`);
  const block = blocks.find(({ spec }) => containsIp(parsePrefix(spec.cidr), ip));
  const { allocation } = block?.status ?? {};
  if (!block || !allocation) return undefined;
  const nowMs = context.nowMs();
  const own = port.spec.identity;
  const { namespace } = port.metadata;
  const identity = own === undefined ? undefined : `${namespace}/${own}`;
  if (obstacle(allocation, at, { ...(identity && { identity }), nowMs }) === undefined) {
    return undefined;
  }
  const holding = allocation.held[at];
  if (!holding) return taken("it is kept for another workload's identity");
  if (holding.owner === port.metadata.uid) return undefined;
  const holder = holding.claim
    ? portOfClaim({ id: holding.claim })
    : await portWith(context, { block, address: at });
  if (holder === `${namespace}/${port.metadata.name}`) return undefined;
  if (holder === undefined) {
    // On its own host it may be the port's own, of which the host has not told yet.
    if (block.spec.host === port.spec.host) return undefined;
    return taken(`a container on host "${block.spec.host}" has it`);
  }
  // What others' ports are called is not for everybody.
  const isNear = holder.startsWith(`${namespace}/`);
  return taken(`${isNear ? `port "${holder}"` : "a port of another namespace"} has it`);
}

/** The port of the block's host that has the address, as `namespace/name`. */
async function portWith(
  context: ReconcileContext,
  { block, address }: { block: IpBlock; address: string },
): Promise<string | undefined> {
  const { host: name, subnet } = block.spec;
  const host = name === "" ? undefined : await find<Host>(context, "Host", name);
  const ports = host ? await referring<Port>(context, host, "Port") : [];
  const found = ports.find(
    ({ metadata, spec, status }) =>
      networkOfPort(spec, metadata.namespace!).namespace === subnet.namespace &&
      status?.addresses?.some((one) => one.address === address && one.subnet === subnet.name),
  );
  return found && `${found.metadata.namespace}/${found.metadata.name}`;
}

/** Whether a pool keeps the address that is asked for to others. */
export async function troubleOfPools(
  context: ReconcileContext,
  port: Port,
  { subnet, address }: Wish,
): Promise<Trouble | undefined> {
  if (address === undefined) return undefined;
  const pools = await referring<IPPool>(context, subnet, "IPPool");
  if (pools.length === 0) return undefined;
  const user = await poolUserOf(context, port);
  const wishable = wishableRanges(layoutOf(subnet));
  if (isAmong(wishesFor(user, wishable, pools.map(poolOf)), address)) return undefined;
  const { host: _, ...anywhere } = user;
  const isOfHosts = pools.map(poolOf).some(({ hostSelector, ...pool }) => {
    const { ranges = wishable } = pool;
    return hostSelector && !user.host && serves(pool, anywhere) && isAmong(ranges, address);
  });
  const remedy = isOfHosts
    ? "serves ports of some hosts alone: set the port's spec.host"
    : "keeps it for others: take another one, or have an admin change the pool";
  const what = `${canonicalIp(address)} of subnet "${subnet.metadata.name}"`;
  return { reason: "KeptByPool", message: `${what} is not to be had: its pool ${remedy}` };
}

interface Where {
  readonly host: string | undefined;
  /** Of the subnet. */
  readonly prefixes: readonly NodePrefix[];
}

export function exhausted({ metadata }: Subnet, { host, prefixes }: Where): Trouble {
  const own = prefixes.filter((each) => each.host === host).map(({ cidr }) => formatPrefix(cidr));
  const message =
    own.length > 0
      ? `Host "${host}" has no free address for it in ${own.join(", ")}, its own of subnet ` +
        `"${metadata.name}": add a prefix to the host's spec.prefixes, or delete ports there`
      : `Subnet "${metadata.name}" has no free address for it, in no block of a host that ` +
        "answers: add a subnet to the network, or delete ports";
  return { reason: "Exhausted", message };
}

export const isTroubled = (port: Port): boolean => conditionStatus(port, type) !== undefined;

/** Tells it in the port's condition; without a trouble, takes back what was told. */
export async function tellTrouble(
  context: ReconcileContext,
  port: Port,
  trouble: Trouble | undefined,
): Promise<void> {
  if (!trouble && !isTroubled(port)) return;
  const { uid, resourceVersion } = port.metadata;
  await writeStatus(context, port, ({ metadata, status }) => {
    // Another one is looked at anew.
    if (metadata.uid !== uid || metadata.resourceVersion !== resourceVersion) return status;
    const conditions: NonNullable<Port["status"]>["conditions"] = status?.conditions ?? [];
    if (!trouble) {
      return { ...status, conditions: conditions!.filter((one) => one.type !== type) };
    }
    const time = { now: context.objects.now(), generation: metadata.generation };
    const told = { type, status: "False", ...trouble } as const;
    return { ...status, conditions: withCondition(conditions, told, time) };
  });
}

/** Whether what was told was of another spec than the port's. */
export const isToldOfOther = ({ metadata, status }: Port): boolean =>
  status?.conditions?.some(
    (one) => one.type === type && one.observedGeneration !== metadata.generation,
  ) === true;
