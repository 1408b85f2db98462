/**
 * Brings containers that run in line with what their network, subnets and port say now. What can't
 * be changed while they run is told in their ports' condition `Current`.
 */
import type { Network, Subnet } from "../api/kinds/index.ts";
import { withExtras } from "../cni/plugins/driver-plugin.ts";
import { RigidError } from "../plan/alter.ts";
import { type GivenAddress, giveBeside, toPortAddress } from "./addresses/agent-ipam.ts";
import { familiesWithDefault } from "./addresses/default-routes.ts";
import { heldWishes } from "./addresses/held-wishes.ts";
import { portIps, portRoutes, type SubnetAddress } from "./addresses/layout.ts";
import type { Agent } from "./agent.ts";
import { callFor, callOf } from "./given-call.ts";
import { followJoined } from "./joined.ts";
import { type PortRecord, withNotCurrent } from "./port-records.ts";
import { refuseUnfit } from "./unfit.ts";
import { type Asked, dnsDigest, shapeOf, type Wanted, wantedOf } from "./wanted.ts";

const notApplied = "NotApplied";

type NotCurrent = NonNullable<PortRecord["notCurrent"]>;

/** Containers on networks that ask for something else than before. Throws AggregateError. */
export async function followChanges(agent: Agent): Promise<void> {
  const { records, spec, aside, serving, followed } = agent;
  if (!spec.isComplete) return;
  const subnets = new Map<string, readonly Subnet[]>();
  let isOver = false;
  const subnetsOf = (network: Network) => {
    const { uid } = network.metadata;
    // Whose turn comes after the pass needs them as they are by then.
    const found = (isOver ? undefined : subnets.get(uid)) ?? spec.subnetsOf(network);
    subnets.set(uid, found);
    return found;
  };
  const here = records.here();
  followed.keepOnly(here);
  const news = here.flatMap((record) => {
    if (record.joins !== undefined) return [record.id];
    const asked = askedOf(agent, record, subnetsOf);
    return !asked || followed.isSame(record, asked) ? [] : [record.id];
  });
  await aside.forEach("follow", news, async (id, patience) => {
    const record = records.get(id);
    if (record?.stage !== "attached" || !serving.isOn) return true;
    if (record.joins !== undefined) return keep(agent, record, followJoined(agent, record));
    const asked = askedOf(agent, record, subnetsOf);
    if (!asked) return true;
    const isDone = await follow({ ...agent, patience }, record, asked);
    const now = records.get(id);
    if (isDone && now) followed.note(now, asked);
    return isDone;
  });
  isOver = true;
}

/** Undefined where nobody can ask for anything else. */
function askedOf(
  { spec }: Agent,
  record: PortRecord,
  subnetsOf: (network: Network) => readonly Subnet[],
): Asked | undefined {
  if (!record.given || record.joins !== undefined) return undefined;
  const network = spec.network(record.network);
  if (!network || (record.networkUid ?? network.metadata.uid) !== network.metadata.uid) {
    return undefined;
  }
  return { network, port: spec.port(record.port), subnets: subnetsOf(network) };
}

/** False: it is tried again, for what is in the way may go. */
async function follow(agent: Agent, record: PortRecord, asked: Asked): Promise<boolean> {
  let next: PortRecord;
  let isDone = true;
  try {
    refuseUnfit(asked);
    const wanted = wantedOf(asked, agent.host);
    // What was not applied may have been taken back, and hides what was said before it.
    const isTried = record.notCurrent?.reason === notApplied;
    if (record.shape === shapeOf(wanted) && !isTried) return true;
    next = await bringInLine(agent, record, wanted);
  } catch (error) {
    const { message } = error as Error;
    next = withNotCurrent(record, { reason: notApplied, message });
    isDone = false;
  }
  keep(agent, record, next);
  return isDone;
}

/** Writes and tells it where it is news. Throws FileError. */
function keep(agent: Agent, record: PortRecord, next: PortRecord): void {
  const { records, log } = agent;
  if (Bun.deepEquals(next, record)) return;
  records.write({ ...next, reported: false });
  agent.changed();
  const { containerId, ifName, network, notCurrent } = next;
  const about = { network: network.name, containerId, ifName };
  if (!notCurrent) log({ level: "info", event: "changed", ...about });
  else log({ level: "warn", event: "not as declared", ...about, ...notCurrent });
}

/** The record as it is then. Throws what keeps it from being so, and may pass. */
async function bringInLine(agent: Agent, record: PortRecord, wanted: Wanted): Promise<PortRecord> {
  const shape = shapeOf(wanted);
  // Nothing was made for it.
  if (!wanted.config.driver) return withNotCurrent({ ...record, shape }, undefined);
  const { wishes, surplus } = heldWishes(wanted.wishes, record.addresses);
  const given =
    surplus.length > 0
      ? heldOf(record, wanted)
      : await giveBeside(agent, { record, port: wanted.port, subnets: wanted.subnets, wishes });
  let rigid: NotCurrent | undefined;
  try {
    if (given) await change(agent, record, { wanted, given });
  } catch (error) {
    if (!(error instanceof RigidError)) throw error;
    rigid = { reason: "NetworkChanged", message: `Its network has another say in ${error.what}` };
  }
  const addresses = given?.map(toPortAddress);
  const faults = [rigid, ...standing(record, { wanted, surplus, dns: given && dnsDigest(given) })];
  return withNotCurrent(
    { ...record, shape, addresses: addresses ?? record.addresses },
    together(faults.filter((fault) => fault !== undefined)),
  );
}

/** With the remedy, which is the same for all. */
function together(faults: readonly NotCurrent[]): NotCurrent | undefined {
  if (faults.length === 0) return undefined;
  const { reason } = faults[0]!;
  const told = faults.map(({ message }) => message).join("; ");
  return { reason, message: `${told}: detach and attach it to have that` };
}

interface Standing {
  readonly wanted: Wanted;
  readonly surplus: readonly string[];
  /** Undefined where its subnets are no more known. */
  readonly dns: string | undefined;
}

/** What the runtime was told for good. */
function standing(record: PortRecord, { wanted, surplus, dns }: Standing): NotCurrent[] {
  const mac = wanted.port?.spec.mac;
  const faults: (NotCurrent | false | undefined)[] = [
    surplus.length > 0 && {
      reason: "AddressesChanged",
      message: `It has ${surplus.join(", ")}, and is to have other addresses`,
    },
    mac !== undefined &&
      mac !== record.mac && {
        reason: "MacChanged",
        message: `It has the hardware address ${record.mac}, and is to have ${mac}`,
      },
    dns !== undefined &&
      dns !== record.dns && {
        reason: "DnsChanged",
        message: "Its runtime was told of DNS as its subnets had it before",
      },
    wanted.isElsewhere && {
      reason: "HostChanged",
      message: `It is to be on host "${wanted.port?.spec.host}"`,
    },
  ];
  return faults.filter((fault) => fault !== false && fault !== undefined);
}

/** What it has; undefined where a subnet of these is gone. */
function heldOf({ addresses }: PortRecord, { subnets }: Wanted): GivenAddress[] | undefined {
  const held = addresses.map(({ address, claimed, subnet: name }) => {
    const subnet = subnets.find(({ metadata }) => metadata.name === name);
    return subnet && { address, subnet, ...(claimed && { claimed }) };
  });
  return held.every((one) => one !== undefined) ? held : undefined;
}

/** Throws RigidError, ConfigError, ConflictError, and what else keeps it as it was. */
async function change(
  agent: Agent,
  record: PortRecord,
  { wanted, given }: { readonly wanted: Wanted; readonly given: readonly SubnetAddress[] },
): Promise<void> {
  const { driver, isRouted } = wanted.config;
  const { engine, overlays, log } = agent;
  const { containerId, ifName, netns } = record;
  const own = callFor(callOf(record, record.given!, log), wanted);
  const { whole, extras } = await withExtras(own, driver!);
  const taken = await familiesWithDefault(engine, { netns, ifName });
  // How many there may be is asked of those who come.
  const { maxMacs: _, ...raw } = own.conf.raw;
  const changed = await overlays.engineOf(record.id, record).change({
    ...{ containerId, ifName, netns, network: own.conf.name, maker: "netloom" },
    ...{ driver: whole, config: whole.parse(raw), extras },
    allocation: {
      ips: portIps(given, isRouted),
      routes: portRoutes(given, { isRouted, taken }),
    },
  });
  if (changed === "not attached") {
    throw new Error(
      "Nothing on this host knows what was made for it: detach it and attach it anew",
    );
  }
}
