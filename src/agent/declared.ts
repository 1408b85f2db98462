/** Ports that are declared for this host and wait for no container: machines, virtual or not. */
import type { Network, Port, Subnet } from "../api/kinds/index.ts";
import { networkOfPort } from "../api/kinds/port.ts";
import { bridge } from "../drivers/bridge.ts";
import type { HostFacts } from "../drivers/driver.ts";
import type { AttachedPort } from "../drivers/extra.ts";
import { type GuestPlace, guestOnBridge } from "../drivers/guest.ts";
import { withHairpin } from "../drivers/hairpin.ts";
import { portmap } from "../drivers/portmap-extra.ts";
import { hostLinkName, sha256 } from "../engine/names.ts";
import type { Paths } from "../engine/paths.ts";
import { ConfigError } from "../model/config-error.ts";
import { gatewayOf } from "../model/kept-addresses.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { RigidError } from "../plan/alter.ts";
import {
  type GivenAddress,
  giveBeside,
  ownerOf,
  reserveAddresses,
  toPortAddress,
  wishesOf,
} from "./addresses/agent-ipam.ts";
import { heldWishes } from "./addresses/held-wishes.ts";
import { portIps, portRoutes } from "./addresses/layout.ts";
import type { Agent } from "./agent.ts";
import { detachHere } from "./detach.ts";
import { cidrsOf, engineNetwork, networkConfig } from "./network-config.ts";
import type { PortRecord } from "./port-records.ts";
import { timestamp } from "./timestamp.ts";

/** What the guest is behind; undefined: of a machine nothing but a record is kept. */
function placeOf({ spec }: Port): GuestPlace | undefined {
  if (spec.type === "baremetal") {
    return spec.device === undefined ? undefined : { kind: "device", name: spec.device };
  }
  const { owner, group, multiQueue = false } = spec.tap ?? {};
  return {
    ...{ kind: "tap", multiQueue },
    ...(owner !== undefined && { owner }),
    ...(group !== undefined && { group }),
  };
}

/** The attachment that a declared port is to the engine; `ifName` is its tap's name. */
export function attachmentOf({ metadata, spec }: Port, paths: Paths) {
  const containerId = `port-${metadata.uid}`;
  const own = hostLinkName(paths, sha256(containerId).slice(0, 16));
  return { containerId, ifName: spec.tap?.name ?? own };
}

/** What of port, network and subnets its link depends on: with another it is changed. */
function digestOf(port: Port, network: Network, subnets: readonly Subnet[]): string {
  // What its status says follows from this, and may come after it.
  const cidrs = subnets.map((subnet) => [
    subnet.metadata.name,
    subnet.spec.cidr,
    gatewayOf(subnet.spec),
  ]);
  const all = [port.metadata.uid, port.spec, network.spec, cidrs];
  return sha256(JSON.stringify(all)).slice(0, 16);
}

/** A port of type `host` is refused with the reason. */
const isDeclared = ({ metadata, spec }: Port, host: string): boolean =>
  spec.type !== "container" && spec.host === host && metadata.deletionTimestamp === undefined;

/** Makes what is declared for this host. Throws AggregateError of what could not be. */
export async function makeDeclared(agent: Agent): Promise<void> {
  const { spec, host, aside, serving } = agent;
  if (!spec.isComplete) return;
  const wanted = declaredHere(agent);
  await aside.forEach("make", wanted.keys(), async (id, patience) => {
    const { namespace, name, uid } = wanted.get(id)!.metadata;
    // Its turn may have come late.
    const port = spec.port({ namespace: namespace!, name });
    if (port?.metadata.uid !== uid || !isDeclared(port, host) || !serving.isOn) return true;
    return await settle({ ...agent, patience }, id, port);
  });
}

/**
 * Takes away what is not declared for this host any more. Gives whether all of it is gone. Throws
 * AggregateError of what could not be.
 */
export async function removeSurplus(agent: Agent): Promise<boolean> {
  const { spec, records, aside } = agent;
  if (!spec.isComplete) return true;
  const wanted = declaredHere(agent);
  const surplus = records
    .here()
    .filter(({ id, declared }) => declared !== undefined && !wanted.has(id));
  const ids = surplus.map(({ id }) => id);
  return aside.forEach("surplus", ids, async (id) => {
    const record = records.get(id);
    if (record && record.stage !== "gone" && !declaredHere(agent).has(id)) {
      await detachHere(agent, record);
    }
  });
}

/** By the attachment's id. */
function declaredHere({ spec, host, engine }: Agent): Map<string, Port> {
  const ports = spec.all<Port>("ports").filter((port) => isDeclared(port, host));
  return new Map(ports.map((port) => [engine.idOf(attachmentOf(port, engine.paths)), port]));
}

/** One that can't be made says why in its condition, and is tried again: then it gives false. */
async function settle(agent: Agent, id: string, port: Port): Promise<boolean> {
  const { spec, records } = agent;
  const network = spec.network(networkOfPort(port.spec, port.metadata.namespace!));
  if (!network) return true;
  const declared = digestOf(port, network, spec.subnetsOf(network));
  const before = records.get(id);
  const isMade = before?.stage === "attached" && bootOf(agent, before) === agent.serving.own.boot;
  if (isMade && before.declared === declared) return true;
  const wanted = { port, network, declared };
  try {
    if (isMade && (await adapt(agent, before, wanted))) return true;
    if (before && before.stage !== "gone") await detachHere(agent, before);
    if (!network.metadata.deletionTimestamp) await make(agent, id, wanted);
    return true;
  } catch (error) {
    const { message } = error as Error;
    const { namespace, name } = port.metadata;
    const told = port.status?.conditions?.find(({ type }) => type === "Ready");
    if (told?.status === "False" && told.message === message) return false;
    const what = `${namespace}/${name}`;
    agent.log({ level: "error", event: "port not made", port: what, error: message });
    await agent.ports.fail(port, message);
    return false;
  }
}

/** What was made in an earlier boot went with it. */
const bootOf = ({ engine }: Agent, { id, boot }: PortRecord): string | undefined =>
  boot ?? engine.records().find((record) => record.id === id)?.boot;

interface Wanted {
  readonly port: Port;
  readonly network: Network;
  readonly declared: string;
}

/** In place, so that a virtual machine keeps its tap open. False: it must be made anew. */
async function adapt(agent: Agent, before: PortRecord, wanted: Wanted): Promise<boolean> {
  const { port, network, declared } = wanted;
  const place = placeOf(port);
  const subnets = agent.spec.subnetsOf(network);
  const { wishes, surplus } = heldWishes(wishesOf(subnets, port), before.addresses);
  if (!place || surplus.length > 0) return false;
  const given = await giveBeside(agent, { record: before, port, subnets, wishes });
  try {
    const request = attachRequest(agent, { port, network, place, given, isAttached: true });
    if ((await agent.engine.change(request)) === "not attached") return false;
  } catch (error) {
    if (error instanceof RigidError) return false;
    throw error;
  }
  const mac = port.spec.mac ?? before.mac;
  const addresses = given.map(toPortAddress);
  const told = { ...(mac !== undefined && { mac }), addresses, reported: false };
  agent.records.write({ ...before, ...told, declared });
  agent.changed();
  return true;
}

async function make(agent: Agent, id: string, { port, network, declared }: Wanted): Promise<void> {
  const { records, engine, spec } = agent;
  const { type } = network.spec;
  const place = placeOf(port);
  if (port.spec.type === "host") {
    throw new ConfigError(
      "spec.type",
      '"host" is made by no agent: the host reaches bridges by their gateway, and macvlan by ' +
        'hostShim. For its own network take a network of that type, and a port of type "container"',
    );
  }
  if (place && type !== "bridge") {
    throw new ConfigError(
      "spec.type",
      `"${port.spec.type}" goes with a network of type "bridge", not "${type}": take such a one`,
    );
  }
  const attachment = attachmentOf(port, engine.paths);
  const name = (object: Port | Network) => ({
    namespace: object.metadata.namespace!,
    name: object.metadata.name,
  });
  const record: PortRecord = {
    version: 1,
    id,
    ...attachment,
    networkUid: network.metadata.uid,
    ...{ netns: hostNetns, network: name(network), port: name(port), isOurs: false, declared },
    boot: agent.serving.own.boot,
    ...{ stage: "attaching", addresses: [], since: timestamp() },
  };
  let current = record;
  records.write(record);
  const owner = ownerOf(attachment);
  const subnets = spec.subnetsOf(network);
  const names = { network: record.network, port: record.port, isNamed: true };
  try {
    const given = await reserveAddresses(agent, { port, subnets, names, id, owner });
    current = { ...current, addresses: given.map(toPortAddress) };
    if (current.addresses.some(({ claimed }) => claimed)) {
      current = await agent.ports.bind(current, agent.patience.leftMs());
    }
    agent.addresses.sync(owner).finish();
    const mac = place && (await attach(agent, { port, network, place, given }));
    const hostLink = port.spec.device ?? attachment.ifName;
    const link = place && { hostLink, ...(mac !== undefined && { mac }) };
    records.write({ ...current, ...link, stage: "attached", since: timestamp() });
  } catch (error) {
    agent.addresses.free(owner);
    const told = records.get(id)!;
    if (told.epoch === undefined) records.remove(id);
    else records.write({ ...told, stage: "gone", since: timestamp() });
    throw error;
  }
  agent.changed();
}

interface Guest {
  readonly port: Port;
  readonly network: Network;
  readonly place: GuestPlace;
  readonly given: readonly GivenAddress[];
  readonly isAttached?: true;
}

/** Gives the guest's hardware address. */
async function attach(agent: Agent, guest: Guest): Promise<string> {
  return (await agent.engine.attach(attachRequest(agent, guest))).port.mac;
}

function attachRequest({ engine }: Agent, guest: Guest) {
  const { port, network, place, given, isAttached } = guest;
  const { raw, portMappings } = networkConfig(
    network,
    port.spec,
    cidrsOf(given.map(({ subnet }) => subnet)),
  );
  // Whose hardware address nobody knows can't be held to it.
  const isKnown = place.kind === "tap" || port.spec.mac !== undefined;
  const own = isKnown ? raw : { ...raw, macspoofchk: false, ipspoofchk: false };
  const published = portmap.parse({ hairpin: raw.hairpin, runtimeConfig: { portMappings } });
  const driver = guestOnBridge(place, { isAttached });
  return {
    ...attachmentOf(port, engine.paths),
    ...{ network: engineNetwork(network), netns: hostNetns, maker: "netloom" },
    ...{ driver: published?.hairpin ? withHairpin(driver) : driver, config: bridge.parse(own) },
    ...(port.spec.mac !== undefined && { mac: port.spec.mac }),
    allocation: { ips: portIps(given, false), routes: portRoutes(given, { isRouted: false }) },
    ...(published && {
      extras: (of: AttachedPort, facts: HostFacts) => portmap.objects(of, published, facts),
    }),
  };
}
