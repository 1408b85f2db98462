/** The addresses of one call: out of this host's blocks, or as the control plane gave them. */
import { labelsOfHost } from "../../api/kinds/host.ts";
import type { Port, Subnet } from "../../api/kinds/index.ts";
import { addressTrouble, claimedAddresses, identityOf } from "../../api/kinds/port.ts";
import { CniError, cniCodes } from "../../cni/errors.ts";
import type { Ipam } from "../../cni/ipam.ts";
import { dutyOf, wishableRanges } from "../../ipam/block.ts";
import { isAmong } from "../../ipam/block-allocation.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { canonicalIp, parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import { ConfigError } from "../../model/config-error.ts";
import type { Attachment } from "../../model/port.ts";
import type { Agent } from "../agent.ts";
import type { PortAddress, PortRecord } from "../port-records.ts";
import type { Target } from "../target.ts";
import type { AddressUser, AddressWish } from "./addresses.ts";
import type { IPBlockObject } from "./block-view.ts";
import { familiesWithDefault } from "./default-routes.ts";
import type { HeldWishes } from "./held-wishes.ts";
import { portDns, portIps, portRoutes, type SubnetAddress } from "./layout.ts";

/**
 * Told of the addresses before the attachment is made; from then on nobody else changes the
 * container's routes. Throws CniError where it may not be made.
 */
export type OnReserved = (given: readonly GivenAddress[]) => Promise<void>;

/** An address of a port, and whether the control plane holds it rather than a block of the host. */
export interface GivenAddress extends SubnetAddress {
  readonly claimed?: true;
}

/** As port records have it. */
export const toPortAddress = ({ address, subnet, claimed }: GivenAddress): PortAddress => ({
  address,
  subnet: subnet.metadata.name,
  ...(claimed && { claimed }),
});

/** Who holds the addresses of an attachment. */
export const ownerOf = ({ containerId, ifName }: Attachment): string => `${containerId}/${ifName}`;

/**
 * The addresses that a port must have; one of each subnet unless it says otherwise. Throws
 * ConfigError where nobody may have one.
 */
export function wishesOf(subnets: readonly Subnet[], port: Port | undefined): AddressWish[] {
  const fixed = port?.spec.fixedIps;
  if (!fixed?.length) return subnets.map((subnet) => ({ subnet }));
  const named = (name: string, path: string): Subnet => {
    const found = subnets.find(({ metadata }) => metadata.name === name);
    if (found) return found;
    throw new ConfigError(path, `there is no subnet "${name}" of this port's network`);
  };
  const asked: Subnet[] = [];
  return fixed.map(({ address, subnet }, i) => {
    const path = `spec.fixedIps[${i}]`;
    const of = subnet === undefined ? holderOf(subnets, address!, path) : named(subnet, path);
    const before = asked.indexOf(of);
    if (before >= 0) {
      const why = `[${before}] is of "${of.metadata.name}" too`;
      throw new ConfigError(path, `a port has one address of each subnet, and ${why}`);
    }
    asked.push(of);
    if (address !== undefined) refuseUnwishable(of, address, path);
    return { subnet: of, ...(address !== undefined && { address }) };
  });
}

function refuseUnwishable(subnet: Subnet, address: string, path: string): void {
  const layout = layoutOf(subnet);
  if (isAmong(wishableRanges(layout), address)) return;
  const duty = dutyOf(layout, parseIp(address));
  const why = duty === undefined ? "is not in" : `is ${duty} of`;
  const { name } = subnet.metadata;
  throw new ConfigError(
    path,
    `${address} ${why} subnet "${name}"${duty === undefined ? "" : ", which no port gets"}: take another one`,
  );
}

function holderOf(subnets: readonly Subnet[], address: string, path: string): Subnet {
  const ip = parseIp(address);
  const found = subnets.find(({ spec }) => containsIp(parsePrefix(spec.cidr), ip));
  if (found) return found;
  throw new ConfigError(path, `${address} is in no subnet of this port's network`);
}

/** Undefined where the network gives no addresses. */
export function agentIpam(agent: Agent, target: Target, onReserved: OnReserved): Ipam | undefined {
  const { addresses } = agent;
  const { subnets, config } = target;
  const { isRouted } = config;
  if (subnets.length === 0) return undefined;
  return {
    type: "netloom",
    needsLink: false,

    async reserve(call) {
      const owner = ownerOf(call);
      const id = agent.engine.idOf(call);
      const given = await reserveAddresses(agent, { ...target, id, owner });
      try {
        await onReserved(given);
      } catch (error) {
        addresses.free(owner);
        throw error;
      }
      const taken = await familiesWithDefault(agent.engine, { ...call, netns: call.netns! });
      const ips = portIps(given, isRouted);
      const result = {
        interfaces: [],
        ips,
        routes: portRoutes(given, { isRouted, taken }),
        dns: portDns(given),
      };
      return { result, durable: () => addresses.sync(owner) };
    },

    release: (call) => addresses.free(ownerOf(call)),

    check(call) {
      const record = agent.records.get(agent.engine.idOf(call));
      const claimed = record?.addresses.filter((one) => one.claimed) ?? [];
      const held = [...claimed.map(({ address }) => address), ...addresses.heldBy(ownerOf(call))];
      const lost = (call.prevResult?.ips ?? [])
        .map(({ address }) => address.split("/")[0]!)
        .find((address) => !held.includes(address));
      if (lost === undefined) return;
      throw new CniError(
        cniCodes.checkFailed,
        `Address ${lost} is not held by "${call.containerId}": attach it anew`,
      );
    },

    // The agent knows itself what belongs to nobody.
    gc: () => [],
    status() {},
  };
}

/** Who is to have addresses. */
export interface AddressTarget extends Pick<Target, "port" | "subnets" | "names"> {
  /** Of the attachment. */
  readonly id: string;
  /** As of `AddressUser`. */
  readonly owner: string;
}

/** All that the port is to have, or none. Throws CniError, ConfigError, ConflictError. */
export async function reserveAddresses(
  agent: Agent,
  target: AddressTarget,
): Promise<GivenAddress[]> {
  try {
    return await giveAll(agent, wishesOf(target.subnets, target.port), target);
  } catch (error) {
    agent.addresses.free(target.owner);
    throw error;
  }
}

interface Beside {
  readonly record: PortRecord;
  readonly port: Port | undefined;
  readonly subnets: readonly Subnet[];
  /** As of `heldWishes`. */
  readonly wishes: HeldWishes["wishes"];
}

/**
 * What an attached port has and is to have beside it, on disk. Throws CniError, ConflictError; 11
 * where the control plane is yet to be told of the port that it holds an address for.
 */
export async function giveBeside(
  agent: Agent,
  { record, port, subnets, wishes }: Beside,
): Promise<GivenAddress[]> {
  const { id, network, port: name } = record;
  const owner = ownerOf(record);
  const names = { network, port: name, isNamed: true };
  const isHeld = (wish: GivenAddress | AddressWish): wish is GivenAddress =>
    record.addresses.some(({ address }) => address === wish.address);
  const missing = wishes.filter((wish) => !isHeld(wish));
  const fresh = await giveAll(agent, missing, { port, names, subnets, id, owner });
  if (fresh.some(({ claimed }) => claimed) && !record.isBound && !record.reported) {
    throw new CniError(
      cniCodes.tryLater,
      `The control plane was not told yet that port "${name.namespace}/${name.name}" is here: ` +
        "the address that it holds for the port has to wait",
    );
  }
  if (fresh.length > 0) agent.addresses.sync(owner).finish();
  return wishes.map((wish) => (isHeld(wish) ? wish : fresh.shift()!));
}

/** What was given before a failure stays the owner's. Throws CniError, ConflictError. */
async function giveAll(
  agent: Agent,
  wishes: readonly AddressWish[],
  target: AddressTarget,
): Promise<GivenAddress[]> {
  const user = userOf(agent, target);
  const given: GivenAddress[] = [];
  for (const wish of wishes) {
    given.push({ subnet: wish.subnet, ...(await give(agent, wish, { user, target })) });
  }
  return given;
}

function userOf({ spec, host }: Agent, { port, names, owner }: AddressTarget): AddressUser {
  const { namespace } = names.port;
  const named = names.identity === undefined ? undefined : `${namespace}/${names.identity}`;
  const identity = port ? identityOf(port) : named;
  const tenant = spec.tenantLabels(namespace);
  return {
    owner,
    ...(identity !== undefined && { identity }),
    ...(tenant && { tenant }),
    namespace: spec.namespaceLabels(namespace),
    port: port?.metadata.labels ?? {},
    host: labelsOfHost(host, spec.host(host)?.metadata.labels),
  };
}

type Got = Pick<GivenAddress, "address" | "claimed">;

interface Giving {
  readonly user: AddressUser;
  readonly target: AddressTarget;
}

/** So long an address is waited for; then the caller is to try again. */
const addressPatienceMs = 6_000;
/** So long the host before has to hand an address over; where it is dead, another has to do. */
const movePatienceMs = 3_000;
/** So long it is asked whether an identity's address is elsewhere; then another has to do. */
const identityPatienceMs = 3_000;

/** What is held for the port; what a block here gives; or what the control plane gets it. */
async function give(agent: Agent, wish: AddressWish, giving: Giving): Promise<Got> {
  const { addresses, control, patience, spec, host } = agent;
  const { port, names } = giving.target;
  const claimed = () => claimedNow(agent, wish, giving.target);
  // What has no host has nothing but what the control plane holds for it.
  const own = () =>
    port && port.spec.host === undefined ? undefined : fromBlocks(agent, wish, giving);
  const asked = { subnet: wish.subnet, port: names.port };
  const mayBeElsewhere = control.isReached && addresses.mayBeElsewhere(wish, giving.user);
  if (control.isReached && isLeftBehind(agent, wish, giving.target)) {
    await control.waitFor(() => claimed() !== undefined, patience.leftMs(movePatienceMs));
  }
  const elsewhere = () => {
    if (!mayBeElsewhere) return undefined;
    const patienceMs = patience.leftMs(identityPatienceMs);
    return control.ask({ ...asked, isBlockWanted: false, patienceMs, found: claimed });
  };
  const known = claimed() ?? (await elsewhere()) ?? own();
  if (known) return known;
  const { namespace, name } = wish.subnet.metadata;
  const what = wish.address === undefined ? "No address" : `Address ${wish.address} not`;
  const refused = `${what} to be had of subnet "${namespace}/${name}"`;
  if (spec.host(host)?.metadata.deletionTimestamp !== undefined) {
    throw new CniError(
      cniCodes.tryLater,
      `${refused}: host "${host}" is being removed and gets no more. Use another host, or this ` +
        `one once it has joined anew ("netloom get host ${host}")`,
    );
  }
  const found = () => claimed() ?? own();
  const patienceMs = patience.leftMs(addressPatienceMs);
  const got = await control.ask({ ...asked, isBlockWanted: true, patienceMs, found });
  if (got) return got;
  const find = () => control.findPort(names.port, patience.leftMs()).catch(() => port);
  const now = control.isReached ? await find() : port;
  const why = addressTrouble(now);
  throw new CniError(
    cniCodes.tryLater,
    why === undefined
      ? `${refused}: this host's blocks have none free, and the ` +
          'control plane lent none in time. Try again, or look at "netloom ipam show"'
      : `${refused}: ${why}`,
  );
}

/** Whether the port comes from another host, whose address it is to keep. */
function isLeftBehind(
  { spec, host }: Agent,
  { subnet, address }: AddressWish,
  { port, names }: AddressTarget,
): boolean {
  const type = spec.network(names.network)?.spec.type;
  if ((type !== "overlay" && type !== "routed") || port?.spec.host !== host) return false;
  const others = port.status?.bindings?.some((binding) => binding.host !== host) ?? false;
  const cidrs = spec
    .all<IPBlockObject>("ipblocks")
    .flatMap(({ spec: block }) => (block.host === host ? parsePrefix(block.cidr) : []));
  return (
    others &&
    (port.status?.addresses ?? []).some(
      (given) =>
        given.subnet === subnet.metadata.name &&
        (address === undefined || canonicalIp(address) === given.address) &&
        !cidrs.some((cidr) => containsIp(cidr, parseIp(given.address))),
    )
  );
}

/** What the control plane holds for the very port that the attachment is to have. */
function claimedNow(
  { spec, records }: Agent,
  { subnet, address }: AddressWish,
  { port, names, id }: AddressTarget,
): Got | undefined {
  const told = spec.port(names.port);
  const uid = port?.metadata.uid ?? records.get(id)?.portUid;
  const now = uid !== undefined && told?.metadata.uid === uid ? told : port;
  const found =
    now &&
    claimedAddresses(now).find(
      (given) =>
        given.subnet === subnet.metadata.name &&
        (address === undefined || canonicalIp(address) === given.address),
    );
  return found && { address: found.address, claimed: true };
}

/** Errors that another block, or a claim, may mend. */
const mendable: ReadonlySet<string> = new Set(["ExhaustedError", "UnavailableError"]);

function fromBlocks({ addresses }: Agent, wish: AddressWish, giving: Giving): Got | undefined {
  const { user, target } = giving;
  // Nobody else gives it either: it need not be asked for.
  addresses.refuseKept(wish, user);
  if (addresses.blocksOf(wish.subnet).length === 0) return undefined;
  try {
    return { address: addresses.give(wish, user) };
  } catch (error) {
    const isOwn = target.port && addresses.isHeldFor(wish, target.port.metadata.uid);
    if (isOwn || mendable.has((error as Error).name)) return undefined;
    throw error;
  }
}
