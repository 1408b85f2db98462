/**
 * Tells the API what is on this host. What could not be told stands in records on disk, so that it
 * is told once a server is heard again.
 */
import type { Client } from "../../api/client/client.ts";
import type { Port } from "../../api/kinds/index.ts";
import { ipBlockKind } from "../../api/kinds/ip-block.ts";
import { madeBy, portKind } from "../../api/kinds/port.ts";
import { ApiError, ifAbsent } from "../../api/status-error.ts";
import { CniError, cniCodes } from "../../cni/errors.ts";
import type { BlockAllocation } from "../../ipam/block-allocation.ts";
import type { IPBlockObject } from "../addresses/block-view.ts";
import type { Agent } from "../agent.ts";
import { isAway, isOvertaken, type Limit, within } from "../api.ts";
import type { PortRecord } from "../port-records.ts";
import type { Name } from "../target.ts";
import { timestamp } from "../timestamp.ts";
import { beingDeleted, bindable, inherited, isGoneOf, notBound } from "./binding.ts";
import {
  bindingPatch,
  gonePatch,
  isBoundTo,
  isOfRecord,
  isReplaced,
  isSuperseded,
  newPort,
  nextEpoch,
  ownBinding,
  statusPatch,
  withCondition,
} from "./port-report.ts";

type ReportingAgent = Omit<Agent, "ports" | "changed">;

const manyConflicts = 20;

export class Reporter {
  readonly #agent: ReportingAgent;
  readonly #api: Client;
  /** Which state of a block was told last. */
  readonly #told = new Map<string, string>();
  /** By attachment: the revision of what was told of it last, since the agent began. */
  readonly #toldAt = new Map<string, number>();
  /** How often in a row others were quicker to change it. */
  readonly #overtaken = new Map<string, number>();

  constructor(agent: ReportingAgent, api: Client) {
    this.#agent = agent;
    this.#api = api;
  }

  /**
   * Makes the object of a port that nobody declared, so that a quota can refuse it. Without a
   * server the port is told of later. Throws CniError.
   */
  async declare(record: PortRecord, patienceMs: number): Promise<PortRecord> {
    try {
      const { port } = await within(patienceMs, (limit) => this.#ensure(record, limit));
      if (port.metadata.deletionTimestamp) throw beingDeleted(record.port);
      const declared = { ...record, portUid: port.metadata.uid };
      this.#agent.records.write(declared);
      return declared;
    } catch (error) {
      if (isAway(error)) return record;
      if (!(error instanceof ApiError)) throw error;
      const { namespace, name } = record.port;
      throw new CniError(
        cniCodes.config,
        `Cannot make port "${namespace}/${name}": ${error.message}`,
        "",
        { cause: error },
      );
    }
  }

  /** Tells why a declared port is not made. Never throws. */
  async fail(port: Port, message: string): Promise<void> {
    const known = port.status?.conditions ?? [];
    const { namespace, name, generation: observedGeneration } = port.metadata;
    const failed = { type: "Ready", status: "False", reason: "NotMade", message } as const;
    const next = { ...failed, lastTransitionTime: timestamp(), observedGeneration };
    const status = { conditions: withCondition(known, next) };
    await this.#attempt(name, async () => {
      await this.#ports.status.mergePatch({ namespace, name }, { status });
    });
  }

  /** Tells what the API does not know. Gives whether it knows all then. Never throws. */
  async report(): Promise<boolean> {
    const { records, addresses, aside, control, serving } = this.#agent;
    // One that serves no more tells of nobody's ports: they may be the other's by now.
    if (!control.isReached || !serving.isOn) return false;
    let isDone = true;
    // First: a call that holds its port's turn may wait for what is told of a block.
    for (const block of addresses.blocks) {
      if (!(await this.#attempt(block.block, () => this.#tellBlock(block)))) isDone = false;
    }
    // Theirs would come when the call has ended, and there is nothing to tell before.
    const news = records
      .all()
      .filter((record) => record.stage !== "attaching" && !this.#isTold(record));
    const ids = goneFirst(news).map(({ id }) => id);
    const areTold = await aside.forEach("tell", ids, async (id) => {
      const record = records.get(id);
      if (!record || !serving.isOn) return;
      const isFirst = record.stage === "gone" || !this.#isGoneLeft(record.port);
      const isTold = isFirst && (await this.#attempt(record.port.name, () => this.#tellPort(id)));
      if (!isTold) isDone = false;
    });
    if (!areTold) isDone = false;
    for (const { metadata } of this.#orphans()) {
      const { namespace = "", name } = metadata;
      if (!(await this.#attempt(name, () => this.#endOrphan({ namespace, name })))) isDone = false;
    }
    return isDone;
  }

  /** Whether the API knows of what is here, and has not lost it since. */
  #isTold(record: PortRecord): boolean {
    const { spec, host } = this.#agent;
    const { id, stage, reported, portUid } = record;
    const known = spec.port(record.port);
    if (stage !== "attached" || !reported || known?.metadata.uid !== portUid) return false;
    // A restore, or an admin, may have taken what was told. The spec may not have it yet.
    return (
      known === undefined ||
      isBoundTo(known, host) ||
      isSuperseded({ port: known, host }, record) ||
      Number(known.metadata.resourceVersion) < (this.#toldAt.get(id) ?? 0)
    );
  }

  /** Whether what had the name before, and whose turn is yet to come, is not told to be over. */
  #isGoneLeft(port: Name): boolean {
    const { records, aside } = this.#agent;
    const isLeft = (other: PortRecord) =>
      isGoneOf(port, other) && aside.isUnderway("tell", other.id);
    return records.all().some(isLeft);
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.#overtaken.delete(what);
      return true;
    } catch (error) {
      const { message } = error as Error;
      const level = isAway(error) || this.#isPassing(what, error) ? "debug" : "warn";
      this.#agent.log({ level, event: "report failed", what, error: message });
      return false;
    }
  }

  /** One that does not end is worth a word, now and then. */
  #isPassing(what: string, error: unknown): boolean {
    if (!isOvertaken(error)) return false;
    const times = (this.#overtaken.get(what) ?? 0) + 1;
    this.#overtaken.set(what, times);
    return times % manyConflicts !== 0;
  }

  async #tellPort(id: string): Promise<void> {
    const record = this.#agent.records.get(id);
    if (!record || record.stage === "attaching") return;
    await retried(() => (record.stage === "gone" ? this.#tellGone(id) : this.#tellHere(id)));
  }

  async #tellGone(id: string): Promise<void> {
    const { records, host } = this.#agent;
    const record = records.get(id)!;
    const port = await this.#get(record);
    // A later attachment may have gone on with its binding.
    if (!records.get(id)) return;
    const own = port && ownBinding({ port, host }, record);
    if (own) {
      // From here on the port may be deleted at any time.
      for (const other of records.all()) {
        if (isGoneOf(record.port, other)) records.write({ ...other, isUnbound: true });
      }
      const patch = isSuperseded({ port, host }, record)
        ? bindingPatch({ ...own, active: false }, { port })
        : statusPatch(record, { port, host });
      await this.#ports.status.mergePatch(record.port, patch).catch(ifAbsent);
    }
    if (record.isOurs) await this.#delete(record);
    records.remove(id);
    this.#toldAt.delete(id);
  }

  /** Ports that the API was told are here, too late: nothing here knows of them. */
  #orphans(): Port[] {
    const { spec, host, records } = this.#agent;
    // Of what can't be read nobody knows whose it is.
    if (!spec.isComplete || records.unreadable.size > 0) return [];
    const named = new Set(records.all().map(({ port }) => nameOf(port)));
    const isHardlyKnown = ({ metadata }: Port) =>
      !named.has(nameOf({ namespace: metadata.namespace ?? "", name: metadata.name }));
    return spec
      .all<Port>("ports")
      .filter((port) => isBoundTo(port, host) && isHardlyKnown(port) && this.#isUnknown(port));
  }

  #isUnknown({ metadata, status }: Port): boolean {
    const { records, engine, overlays } = this.#agent;
    const { namespace, name } = metadata;
    const isOf = ({ port }: PortRecord) => port.namespace === namespace && port.name === name;
    if (records.all().some(isOf)) return false;
    const { containerId, ifName } = status?.attachment ?? {};
    if (containerId === undefined || ifName === undefined) return true;
    const id = engine.idOf({ containerId, ifName });
    return !overlays.records().some((record) => record.id === id);
  }

  async #endOrphan(name: Name): Promise<void> {
    const { host, log } = this.#agent;
    const port = await this.#ports.find(name);
    if (!port || !isBoundTo(port, host) || !this.#isUnknown(port)) return;
    const bindings = port.status?.bindings ?? [];
    const { epoch } = bindings.find((binding) => binding.host === host)!;
    const isElsewhere = port.spec.host !== undefined && port.spec.host !== host;
    const hasMoved = isElsewhere || bindings.some((binding) => binding.epoch > epoch);
    const patch = hasMoved
      ? bindingPatch({ host, epoch, active: false }, { port })
      : gonePatch({ epoch, since: timestamp() }, { port, host });
    const after = await this.#ports.status.mergePatch(name, patch);
    log({ level: "info", event: "binding ended", port: `${name.namespace}/${name.name}` });
    if (port.metadata.labels?.[madeBy] !== "agent") return;
    const { uid, resourceVersion } = after.metadata;
    await this.#ports.delete(name, { preconditions: { uid, resourceVersion } }).catch(ifAbsent);
  }

  async #tellHere(id: string): Promise<void> {
    const { records, host } = this.#agent;
    const record = records.get(id)!;
    if (this.#isTold(record)) return;
    // A port of a running container that is no more, as after a restore, is made again.
    const { port, isMade } = await this.#ensure(record);
    const { uid: portUid } = port.metadata;
    const isTaken = isMade || !isReplaced({ port, host }, record);
    const own = isTaken ? { ...record, portUid, isOurs: record.isOurs || isMade } : record;
    if (isSuperseded({ port, host }, own)) {
      records.write({ ...record, reported: true });
      return;
    }
    const epoch = record.epoch ?? this.#nextEpoch(port);
    const telling = { ...own, epoch, reported: false };
    records.write(telling);
    const told = await this.#ports.status.mergePatch(
      record.port,
      statusPatch(telling, { port, host }),
    );
    records.write({ ...telling, reported: true });
    this.#toldAt.set(id, Number(told.metadata.resourceVersion));
  }

  /**
   * Has the control plane note that this host has the port, before its addresses are used. Throws
   * CniError where it does not: 11 where it can't be reached.
   */
  async bind(record: PortRecord, patienceMs: number): Promise<PortRecord> {
    try {
      return await within(patienceMs, (limit) => retried(() => this.#bind(record, limit)));
    } catch (error) {
      const standing = isAway(error) ? this.#standing(record) : undefined;
      if (standing) return standing;
      throw error instanceof CniError ? error : notBound(record, error as Error);
    }
  }

  /** With the binding of earlier records, which go, if it stands. Nothing is awaited between. */
  #standing(record: PortRecord): PortRecord | undefined {
    const { records } = this.#agent;
    if (record.isBound) return record;
    const last = records.all().filter((other) => isGoneOf(record.port, other));
    const own = records.get(record.id) ?? record;
    const bound = inherited(own, last);
    if (!bound) return undefined;
    records.write(bound);
    for (const { id } of last) records.remove(id);
    return bound;
  }

  async #bind(record: PortRecord, limit: Limit): Promise<PortRecord> {
    const { records, host } = this.#agent;
    const port = bindable(await this.#get(record, limit), { record, host });
    const bound = { ...record, portUid: port.metadata.uid, epoch: this.#nextEpoch(port) };
    // Before it is told: what may have been told is taken back.
    records.write(bound);
    const patch = bindingPatch({ host, epoch: bound.epoch, active: true }, { port });
    const told = await this.#ports.status.mergePatch(record.port, patch, limit);
    bindable(told, { record, host });
    const confirmed = { ...bound, isBound: true };
    records.write(confirmed);
    return confirmed;
  }

  /** Higher also than what was told here in vain: that may still be taken back. */
  #nextEpoch(port: Port): number {
    const { namespace, name } = port.metadata;
    const tried = this.#agent.records
      .all()
      .filter((record) => record.port.namespace === namespace && record.port.name === name)
      .map(({ epoch = 0 }) => epoch + 1);
    return Math.max(nextEpoch(port), ...tried);
  }

  get #ports() {
    return this.#api.of(portKind);
  }

  #get({ port }: PortRecord, limit: Limit = {}): Promise<Port | undefined> {
    return this.#ports.find(port, limit);
  }

  async #ensure(
    record: PortRecord,
    limit: Limit = {},
  ): Promise<{ readonly port: Port; readonly isMade: boolean }> {
    // What the spec does not tell of is hardly there, so it is not looked for first.
    const isTold = this.#agent.spec.port(record.port) !== undefined;
    let found = isTold ? await this.#get(record, limit) : undefined;
    if (!found) {
      try {
        const port = await this.#ports.create(newPort(record, this.#agent.host), limit);
        return { port, isMade: true };
      } catch (error) {
        // Somebody was quicker.
        found = isConflict(error) ? await this.#get(record, limit) : undefined;
        if (!found) throw error;
      }
    }
    if (this.#isToGo(found, record)) throw beingDeleted(record.port);
    return { port: found, isMade: false };
  }

  /** Whether it was made for the same attachment to another network, which is yet to be told. */
  #isToGo({ metadata }: Port, { id, containerId, ifName, port }: PortRecord): boolean {
    return this.#agent.records
      .all()
      .some(
        (other) =>
          other.id !== id &&
          other.containerId === containerId &&
          other.ifName === ifName &&
          other.isOurs &&
          isGoneOf(port, other) &&
          (other.portUid ?? metadata.uid) === metadata.uid,
      );
  }

  async #delete(record: PortRecord): Promise<void> {
    const port = await this.#get(record);
    if (!port || !isOfRecord(port, record)) return;
    // As it was read: what comes late must not take the port of an attachment that came after, nor
    // leave one whose binding came late, and nobody would end.
    const { uid, resourceVersion } = port.metadata;
    const preconditions = { uid, resourceVersion };
    await this.#ports.delete(record.port, { preconditions }).catch(ifAbsent);
  }

  async #tellBlock(block: BlockAllocation): Promise<void> {
    const { spec } = this.#agent;
    const state = `${block.lease} ${block.sequence}`;
    if (this.#told.get(block.block) === state) return;
    const object = spec
      .all<IPBlockObject>("ipblocks")
      .find(({ metadata }) => metadata.name === block.block);
    if (object?.spec.lease !== block.lease) return;
    // What is no more among the held has to go: a merge would keep it.
    const status = { ...object.status, allocation: block };
    await this.#api.of(ipBlockKind).status.replace({ ...object, status });
    this.#told.set(block.block, state);
  }
}

/** A name is free for what is here once what had it is told to be over. */
const goneFirst = (records: readonly PortRecord[]): PortRecord[] =>
  records.toSorted((a, b) => Number(b.stage === "gone") - Number(a.stage === "gone"));

const nameOf = ({ namespace, name }: Name): string => `${namespace}/${name}`;

const isConflict = (error: unknown): boolean => error instanceof ApiError && error.code === 409;

const mostTries = 5;

/** Again where another changed the object between reading and writing. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) || tries === mostTries) throw error;
    }
  }
}
