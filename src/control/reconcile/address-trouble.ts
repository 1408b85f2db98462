/** Why a port does not have its addresses: its condition `Addressed` says so. */
import { conditionStatus } from "../../api/kinds/fields.ts";
import type { Host, Port, Subnet } from "../../api/kinds/index.ts";
import { addressedCondition, networkOfPort } from "../../api/kinds/port.ts";
import { dutyOf } from "../../ipam/block.ts";
import { obstacle } from "../../ipam/block-allocation.ts";
import type { IpBlock } from "../../ipam/block-lease.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { canonicalIp, parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import { portOfClaim, type Wish } from "./claim-place.ts";
import { withCondition } from "./condition.ts";
import { find, type ReconcileContext, referring, writeStatus } from "./reconciler.ts";

export interface Trouble {
  readonly reason: "NotInSubnet" | "AddressTaken" | "Exhausted" | "QuotaExceeded";
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

export const exhausted = ({ metadata }: Subnet): Trouble => ({
  reason: "Exhausted",
  message:
    `Subnet "${metadata.name}" has no free address for it, in no block of a host that answers: ` +
    "add a subnet to the network, or delete ports",
});

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
