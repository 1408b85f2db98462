/** What a host knows, brought up to date by the feed's events. */
import type { ApiObject } from "../../api/object.ts";
import type { Changes, ObjectEvent } from "../objects/feed.ts";
import { resourceOf } from "../objects/keys.ts";
import type { EventType, Seen } from "../objects/watching.ts";
import type { Entry, Store } from "../store/store.ts";
import { Elsewhere, isTurn } from "./elsewhere.ts";
import { readEntry, readOnce, specLine } from "./read-once.ts";
import { kindsByPlural, NodeReader } from "./reader.ts";
import { isOfHosts, isOfNetworks, NodeSelection, ofBgp, ofNetworks, plurals } from "./selection.ts";

export const pluralByResource = new Map(
  [...kindsByPlural].map(([plural, kind]) => [resourceOf(kind), plural]),
);

/** Made once for all hosts that hear it. */
function lineOfEvent({ type, object, event }: Seen): string {
  const name = `spec ${type}`;
  const line = event.lines.get(name) ?? specLine(type, object);
  event.lines.set(name, line);
  return line;
}

export class NodeView {
  readonly #store: Store;
  readonly #reader: NodeReader;
  readonly #selection: NodeSelection;
  readonly #elsewhere: Elsewhere;
  /** Networks that exist already are the host's, or not, by what has changed. */
  #isStale = false;

  constructor(store: Store, host: string) {
    this.#store = store;
    this.#reader = new NodeReader(store);
    this.#selection = new NodeSelection(host);
    this.#elsewhere = new Elsewhere(host, this.#reader);
  }

  /** What it must hear of other hosts, by the networks that it knows now. */
  topics(): Iterable<string> {
    return this.#selection.reach.parts.keys();
  }

  /** All that the host must know, as it was at a revision, in portions of lines. */
  async *all(revision: number): AsyncGenerator<string> {
    await this.#takeHost(revision);
    for (const plural of plurals) {
      if (!this.#selection.mayKnow(plural)) continue;
      const read = isOfHosts(plural) ? readEntry : (entry: Entry) => readOnce(this.#store, entry);
      for await (const entries of this.#entries(plural, revision)) {
        let text = "";
        for (const { object, line } of entries.map(read)) {
          if (!this.#selection.wants(plural, object)) continue;
          this.#selection.note(plural, object, true);
          text += line;
        }
        if (text !== "") yield text;
      }
    }
    yield* this.#elsewhere.listed(this.#selection.reach.parts, revision);
  }

  /** The host knows what it was told up to this revision. */
  async resume(revision: number): Promise<void> {
    await this.#takeHost(revision);
    await this.#renew(revision);
    for await (const entries of this.#entries("ports", revision)) {
      for (const { object } of entries.map(readEntry)) {
        if (this.#selection.wants("ports", object)) this.#selection.note("ports", object, true);
      }
    }
  }

  /** What changes are to the host. Gives whether some of it bears an older revision. */
  async *after(changes: Changes): AsyncGenerator<string, boolean> {
    const { reach } = this.#selection;
    const { parts: before, hasBgp } = reach;
    let text = "";
    for (const event of changes.events) text += this.#lineOf(event);
    // What BGP on the host follows from was there before, or stays.
    const stale = this.#isStale ? ofNetworks : reach.hasBgp === hasBgp ? [] : ofBgp;
    if (stale.length > 0) {
      this.#isStale = false;
      for (const [type, object] of await this.#renew(changes.revision, stale)) {
        text += specLine(type, object);
      }
    }
    const turn = { before, after: reach.parts };
    if (isTurn(turn)) yield* this.#elsewhere.gone(turn, changes);
    for (const event of changes.events) text += this.#elsewhere.lineOf(event, turn);
    if (text !== "") yield text;
    if (isTurn(turn)) yield* this.#elsewhere.come(turn, changes);
    return stale.length > 0 || isTurn(turn);
  }

  /** What an event is to the host: a line, or nothing. */
  #lineOf(event: ObjectEvent): string {
    const plural = pluralByResource.get(event.resource);
    if (plural === undefined) return "";
    const { object, previous } = event;
    const selection = this.#selection;
    if (plural === "hosts" && (object ?? previous)!.metadata.name === selection.host) {
      if (selection.take(object)) this.#isStale = true;
    }
    const isIn = object !== undefined && selection.wants(plural, object);
    const wasIn = isOfNetworks(plural)
      ? selection.knows(plural, (object ?? previous)!)
      : previous !== undefined && selection.wants(plural, previous);
    // With a network that was there before come, or go, its subnets and pools.
    const isMove = plural === "networks" && object && previous && isIn !== wasIn;
    if (isMove) this.#isStale = true;
    if (isMove || (!isIn && !wasIn)) return "";
    selection.note(plural, (object ?? previous)!, isIn);
    if (isIn) return lineOfEvent({ type: wasIn ? "MODIFIED" : "ADDED", object, event });
    return lineOfEvent({ type: "DELETED", object: previous!, event });
  }

  /** What the host must hear so that it knows what it must, and nothing else. */
  async #renew(revision: number, stale = ofNetworks): Promise<[EventType, ApiObject][]> {
    const selection = this.#selection;
    const added: [EventType, ApiObject][] = [];
    const deleted: [EventType, ApiObject][] = [];
    for (const plural of stale) {
      if (!selection.mayKnow(plural)) continue;
      for await (const entries of this.#entries(plural, revision)) {
        for (const entry of entries) {
          const { object } = readOnce(this.#store, entry);
          const [isIn, wasIn] = [selection.wants(plural, object), selection.knows(plural, object)];
          if (isIn === wasIn) continue;
          selection.note(plural, object, isIn);
          if (isIn) added.push(["ADDED", object]);
          else deleted.unshift(["DELETED", object]);
        }
      }
    }
    return [...deleted, ...added];
  }

  async #takeHost(revision: number): Promise<void> {
    this.#selection.take(await this.#reader.host(this.#selection.host, revision));
  }

  #entries(plural: string, revision: number): AsyncGenerator<readonly Entry[]> {
    return isOfHosts(plural)
      ? this.#reader.own(plural, this.#selection.host, revision)
      : this.#reader.all(plural, revision);
  }
}
