/** The plugin that serves declared networks: ADD to STATUS in the agent's own process. */
import { CniError, cniCodes } from "../cni/errors.ts";
import type { Call, Plugin } from "../cni/plugin.ts";
import { driverPlugin } from "../cni/plugins/driver-plugin.ts";
import type { AttachmentId, Result } from "../cni/types.ts";
import { goneFile } from "../engine/agent-files.ts";
import { overlayKey } from "../engine/overlay-place.ts";
import { existsSync, statSync } from "../kernel/sys/files.ts";
import { agentIpam, type OnReserved, toPortAddress } from "./addresses/agent-ipam.ts";
import type { Agent } from "./agent.ts";
import { detachHere, idOf } from "./detach.ts";
import { callFor, givenOf } from "./given-call.ts";
import { addressesOfHost } from "./host-ports.ts";
import { addressesToo, joinedBy, joining } from "./joined.ts";
import { linkless } from "./linkless.ts";
import { inDeclaredWords } from "./network-config.ts";
import { enterOverlay } from "./overlay/follow.ts";
import { isOverlay } from "./overlay/segment-config.ts";
import type { Patience } from "./patience.ts";
import type { PortRecord } from "./port-records.ts";
import { refuseWithoutWireguard } from "./routed/refuse-wireguard.ts";
import { mustServe } from "./serving.ts";
import { refuseAttached, type Target, targetOf } from "./target.ts";
import { timestamp } from "./timestamp.ts";
import { dnsDigest, shapeOf, wantedOf } from "./wanted.ts";

export interface Asked {
  /** The call was made before, and cut short. */
  readonly again: boolean;
  /** How long the caller waits. */
  readonly patience: Patience;
}

export function agentPlugin(whole: Agent, { again, patience }: Asked): Plugin {
  const agent: Agent = { ...whole, patience };
  return {
    type: "netloom",
    add: (call) => add(agent, call, again),
    del: (call) => agent.queue.run(idOf(agent, call), () => detachHere(agent, call)),
    gc: (call, valid) => collect(agent, call.conf.name, valid),

    async check(call) {
      const id = idOf(agent, call);
      refuseGone(agent, id);
      const found = await targetOf(agent, call, { id, attached: agent.records.get(id) });
      // Its routes may be others by now, and the record knows them.
      const prevResult = { ...call.prevResult!, routes: [] };
      const own = { ...callFor(call, found), prevResult };
      const plugin = await pluginFor(agent, { target: found, call: own, async onReserved() {} });
      await agent.queue.run(id, async () => plugin.check(own));
    },

    async status(call) {
      await targetOf(agent, call, { id: idOf(agent, call) });
      await mustServe(agent);
    },
  };
}

async function add(agent: Agent, call: Call, again: boolean): Promise<Result> {
  const id = idOf(agent, call);
  await mustServe(agent);
  const target = await targetOf(agent, call, { id });
  return agent.queue.run(id, async () => {
    let before = agent.records.get(id);
    // Its DEL came while no agent was there, and nobody came to it yet.
    const isGone = existsSync(goneFile(agent.engine.paths, id));
    const isCutShort = again || isGone || before?.stage === "attaching";
    if (isCutShort) await detachHere(agent, call);
    refuseAttached(agent, id, target);
    const isAnothers = before !== undefined && !isOfPort(before, target);
    if (isAnothers && agent.records.get(id)?.stage === "gone") {
      agent.records.setAside(id);
      before = undefined;
    }
    let record = newRecord(call, { id, target, before });
    agent.records.write(record);
    const { spec } = agent;
    const bookmarks = target.port && spec.port(target.names.port) ? undefined : spec.bookmarks;
    let mayBeMade = false;
    try {
      if (record.isOurs) {
        record = await agent.ports.declare(record, agent.patience.leftMs());
        mayBeMade = true;
      }
      const result = await attach(agent, call, { target, record, bookmarks });
      agent.changed();
      return result;
    } catch (error) {
      undo(agent, { id, mayBeMade, before: isCutShort ? undefined : before });
      throw error;
    }
  });
}

/** Whether an earlier attachment was the very port that the new one is to be. */
const isOfPort = ({ port, networkUid }: PortRecord, { names, network }: Target): boolean =>
  port.namespace === names.port.namespace &&
  port.name === names.port.name &&
  (networkUid ?? network.metadata.uid) === network.metadata.uid;

interface Undone {
  readonly id: string;
  /** The port's object, by us; its answer may have been lost. */
  readonly mayBeMade: boolean;
  readonly before: PortRecord | undefined;
}

/**
 * The attachment was not made. The API may not know yet that an earlier one is gone; where it was
 * told, or may have been, of the port or that this host has it, it is told that it is over.
 */
function undo({ records, changed }: Agent, { id, mayBeMade, before }: Undone): void {
  const record = records.get(id)!;
  const { epoch, portUid, isBound } = record;
  const isTold = epoch !== undefined;
  if (before?.stage === "attached") {
    records.write({ ...before, ...(isTold && { epoch, portUid, isBound }) });
  } else if (isTold || mayBeMade) {
    records.write({ ...record, stage: "gone", since: timestamp() });
    changed();
  } else if (before) records.write(before);
  else records.remove(id);
}

/** Throws CniError: its port was deleted, or the runtime asks for what it detached. */
function refuseGone({ records }: Agent, id: string): void {
  const record = records.get(id);
  if (record && record.stage !== "gone") return;
  throw new CniError(
    cniCodes.checkFailed,
    "It is not attached: its port or network was deleted, or it was detached: attach it anew",
  );
}

interface About {
  readonly id: string;
  readonly target: Target;
  /** An earlier one of the same name. */
  readonly before: PortRecord | undefined;
}

function newRecord(call: Call, { id, target, before }: About): PortRecord {
  const { network, port } = target.names;
  return {
    version: 1,
    id,
    containerId: call.containerId,
    ifName: call.ifName,
    list: call.conf.name,
    netns: call.netns!,
    network,
    networkUid: target.network.metadata.uid,
    ...(isOverlay(target.network) && { overlay: overlayKey(target.network.metadata.uid) }),
    port,
    ...bindingOf(before, port),
    ...(target.names.identity !== undefined && { identity: target.names.identity }),
    ...(target.port?.spec.joins !== undefined && { joins: target.port.spec.joins }),
    isOurs: target.port === undefined || before?.isOurs === true,
    stage: "attaching",
    addresses: [],
    since: timestamp(),
  };
}

/** What an earlier try has told of the same port, and has not taken back. */
function bindingOf(before: PortRecord | undefined, port: PortRecord["port"]) {
  if (!before || before.isUnbound) return {};
  if (before.port.namespace !== port.namespace || before.port.name !== port.name) return {};
  const { portUid, epoch, isBound } = before;
  return { ...(epoch !== undefined && { portUid, epoch, isBound }) };
}

interface Attaching {
  readonly target: Target;
  readonly record: PortRecord;
  /** How many had come before a server could know of the port; undefined: it knew already. */
  readonly bookmarks: number | undefined;
}

async function attach(agent: Agent, call: Call, attaching: Attaching): Promise<Result> {
  const { target, record, bookmarks } = attaching;
  refuseWithoutWireguard(target.network);
  const isOver = record.overlay !== undefined && record.joins === undefined;
  using _overlay = isOver ? await enterOverlay(agent, target.network, bookmarks) : undefined;
  const { result, reserved, dns } = await make(agent, call, { target, record });
  const inside = result.interfaces.findLast(({ sandbox }) => sandbox !== undefined);
  const outside = result.interfaces.filter(({ sandbox }) => sandbox === undefined);
  // A bridge comes before its port.
  const hostLink = target.config.raw.bridge === undefined ? outside[0] : outside[1];
  agent.records.write({
    ...reserved,
    stage: "attached",
    ...(!record.joins && {
      given: givenOf(call),
      shape: shapeOf(wantedOf(target, agent.host)),
      dns,
    }),
    // That of a loopback is none.
    ...(target.config.driver && inside?.mac && { mac: inside.mac }),
    ...(hostLink && { hostLink: hostLink.name }),
    since: timestamp(),
  });
  return result;
}

/** Gives the record too, with what was reserved and told for it. */
async function make(
  agent: Agent,
  call: Call,
  { target, record }: Pick<Attaching, "target" | "record">,
) {
  let reserved = record;
  let dns = dnsDigest([]);
  let endTurn = () => {};
  const onReserved: OnReserved = async (given) => {
    dns = dnsDigest(given);
    reserved = { ...reserved, addresses: given.map(toPortAddress) };
    agent.records.write(reserved);
    if (isHeldElsewhere(target, reserved)) {
      reserved = await agent.ports.bind(reserved, agent.patience.leftMs());
    }
    endTurn = await agent.queue.take(namespaceKey(call.netns!));
  };
  try {
    const shared = joinedBy(agent, record);
    if (shared || target.subnets.length === 0) await onReserved([]);
    if (shared) reserved = { ...reserved, addresses: addressesToo(shared) };
    else if (target.network.spec.type === "host") {
      reserved = { ...reserved, addresses: await addressesOfHost(agent) };
    }
    const own = callFor(call, target);
    const plugin = await pluginFor(agent, { target, call: own, onReserved });
    return { result: await plugin.add(own), reserved, dns };
  } catch (error) {
    throw inDeclaredWords(error);
  } finally {
    endTurn();
  }
}

/** Of a container's namespace, by whatever path it goes. */
const namespaceKey = (path: string): string => `netns ${statSync(path)?.identity ?? path}`;

/** Whether somebody else could have the port or its addresses, unless the API knows of us. */
const isHeldElsewhere = ({ port }: Target, { addresses }: PortRecord): boolean =>
  (port !== undefined && port.spec.host === undefined) || addresses.some(({ claimed }) => claimed);

interface PluginRequest {
  readonly target: Target;
  /** As the driver's plugin takes it. */
  readonly call: Call;
  readonly onReserved: OnReserved;
}

async function pluginFor(agent: Agent, request: PluginRequest): Promise<Plugin> {
  const { target, call, onReserved } = request;
  const { driver } = target.config;
  if (target.port?.spec.joins !== undefined) return joining(agent, target);
  if (!driver) return linkless(target);
  const ipam = agentIpam(agent, target, onReserved);
  return driverPlugin(call, driver, {
    open: () => agent.overlays.engineFor(target.network).open(),
    ipam: async () => ipam,
  });
}

/** Takes away what of the network list's attachments `valid` does not name. */
async function collect(agent: Agent, list: string, valid: readonly AttachmentId[]): Promise<void> {
  const kept = new Set(valid.map((one) => idOf(agent, one)));
  const errors: unknown[] = [];
  for (const record of agent.records.here()) {
    if (record.list !== list || kept.has(record.id)) continue;
    await agent.queue
      .run(record.id, () => detachHere(agent, record))
      .catch((error) => errors.push(error));
  }
  if (errors.length > 0) throw new AggregateError(errors, `Cannot collect network "${list}" whole`);
}
