/** The node spec as a stream: what a host must know, and what of it changes. */
import type { Kind } from "../../api/kind.ts";
import { apiVersionOf } from "../../api/kind.ts";
import { kinds } from "../../api/kinds/index.ts";
import { initialEventsEnd } from "../../api/node-spec.ts";
import type { ApiObject } from "../../api/object.ts";
import { expired } from "../../api/status-error.ts";
import type { Feed, ObjectEvent } from "../objects/feed.ts";
import { keyOf, keyOfReferrer, prefixOf, referrersPrefix, resourceOf } from "../objects/keys.ts";
import { portionLimits } from "../objects/reading.ts";
import { decodeEntry } from "../objects/stored.ts";
import { topicOfHost, topicOfResource } from "../objects/topics.ts";
import { type EventType, everySoOften, type Seen } from "../objects/watching.ts";
import { CompactedError, type Entry, type ListOptions, type Store } from "../store/store.ts";
import { inTurn, readEntry, readOnce, specLine } from "./read-once.ts";
import { isOfHosts, isOfNetworks, NodeSelection, plurals } from "./selection.ts";

/** Agents take a server that is silent for longer than a few of these for gone. */
const bookmarkMs = 30_000;

const kindsByPlural = new Map(
  plurals.map((plural) => [plural, kinds.find((kind) => kind.plural === plural)!]),
);
const pluralByResource = new Map(
  [...kindsByPlural].map(([plural, kind]) => [resourceOf(kind), plural]),
);
const hostKind = kindsByPlural.get("hosts")!;

/** Of ports, blocks and hosts a host hears its own, of other kinds all. */
const topicsOfNode = (host: string) =>
  [...pluralByResource].map(([resource, plural]) =>
    isOfHosts(plural) ? topicOfHost(resource, host) : topicOfResource(resource),
  );

export interface NodeSpecRequest {
  readonly host: string;
  /** Goes on after it; undefined: from the beginning. */
  readonly revision?: number;
}

interface Source {
  readonly store: Store;
  readonly feed: Feed;
}

/** The lines of the stream. Ends when `signal` fires. Throws ApiError (Expired). */
export async function* nodeSpecLines(
  { store, feed }: Source,
  { host, revision: since }: NodeSpecRequest,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const selection = new NodeSelection(host);
  let revision = since ?? (await store.list(prefixOf(hostKind), { limit: 1 })).revision;
  const view = new NodeView(store, selection);
  if (since === undefined) {
    for await (const lines of view.all(revision)) yield lines;
    yield bookmark(revision, true);
  } else {
    await view.resume(since);
  }
  for await (const changes of everySoOften(
    feed.follow(revision, signal, topicsOfNode(host)),
    bookmarkMs,
  )) {
    if (changes === "quiet") {
      yield bookmark(revision, false);
      continue;
    }
    revision = changes.revision;
    let text = "";
    for (const event of changes.events) text += view.lineOf(event);
    if (view.isStale) {
      for (const [type, object] of await view.renewed(revision)) text += specLine(type, object);
      // What is told anew bears its own, older revision.
      text += bookmark(revision, false);
    }
    yield text;
  }
}

function bookmark(revision: number, isEnd: boolean): string {
  const annotations = isEnd ? { annotations: { [initialEventsEnd]: "true" } } : {};
  const metadata = { resourceVersion: String(revision), ...annotations };
  const object = { kind: hostKind.kind, apiVersion: apiVersionOf(hostKind), metadata };
  return `${JSON.stringify({ type: "BOOKMARK", object })}\n`;
}

/** Made once for all hosts that hear it. */
function lineOfEvent({ type, object, event }: Seen): string {
  const name = `spec ${type}`;
  const line = event.lines.get(name) ?? specLine(type, object);
  event.lines.set(name, line);
  return line;
}

/** What a host knows, brought up to date by the feed's events. */
class NodeView {
  readonly #store: Store;
  readonly #selection: NodeSelection;
  /** Networks that exist already are the host's, or not, by what has changed. */
  isStale = false;

  constructor(store: Store, selection: NodeSelection) {
    this.#store = store;
    this.#selection = selection;
  }

  /** All that the host must know, as it was at a revision, in portions of lines. */
  async *all(revision: number): AsyncGenerator<string> {
    await this.#takeHost(revision);
    for (const plural of plurals) {
      const isOwn = isOfHosts(plural);
      const read = isOwn ? readEntry : (entry: Entry) => readOnce(this.#store, entry);
      for await (const entries of isOwn
        ? this.#own(plural, revision)
        : this.#pages(plural, revision)) {
        let text = "";
        for (const { object, line } of entries.map(read)) {
          if (!this.#selection.wants(plural, object)) continue;
          this.#selection.note(plural, object, true);
          text += line;
        }
        if (text !== "") yield text;
      }
    }
  }

  /** The host knows what it was told up to this revision. */
  async resume(revision: number): Promise<void> {
    await this.#takeHost(revision);
    await this.#renew(revision);
  }

  /** What an event is to the host: a line, or nothing. */
  lineOf(event: ObjectEvent): string {
    const plural = pluralByResource.get(event.resource);
    if (plural === undefined) return "";
    const { object, previous } = event;
    const selection = this.#selection;
    if (plural === "hosts" && (object ?? previous)!.metadata.name === selection.host) {
      if (selection.take(object)) this.isStale = true;
    }
    const isIn = object !== undefined && selection.wants(plural, object);
    const wasIn = isOfNetworks(plural)
      ? selection.knows(plural, (object ?? previous)!)
      : previous !== undefined && selection.wants(plural, previous);
    // With a network that was there before come, or go, its subnets and pools.
    const isMove = plural === "networks" && object && previous && isIn !== wasIn;
    if (isMove) this.isStale = true;
    if (isMove || (!isIn && !wasIn)) return "";
    selection.note(plural, (object ?? previous)!, isIn);
    if (isIn) return lineOfEvent({ type: wasIn ? "MODIFIED" : "ADDED", object, event });
    return lineOfEvent({ type: "DELETED", object: previous!, event });
  }

  /** What the host must hear so that it knows what it must, and nothing else. */
  renewed(revision: number): Promise<[EventType, ApiObject][]> {
    this.isStale = false;
    return this.#renew(revision);
  }

  async #renew(revision: number): Promise<[EventType, ApiObject][]> {
    const selection = this.#selection;
    const added: [EventType, ApiObject][] = [];
    const deleted: [EventType, ApiObject][] = [];
    for (const plural of plurals.filter(isOfNetworks)) {
      for await (const entries of this.#pages(plural, revision)) {
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
    const entry = await this.#one(keyOf(hostKind, { name: this.#selection.host }), revision);
    this.#selection.take(entry && decodeEntry(entry));
  }

  async *#pages(plural: string, revision: number): AsyncGenerator<readonly Entry[]> {
    const prefix = prefixOf(kindsByPlural.get(plural)!);
    let after: string | undefined;
    for (;;) {
      const { entries, more } = await this.#entries(prefix, revision, { ...portionLimits, after });
      yield entries;
      if (!more) return;
      after = entries.at(-1)!.key;
    }
  }

  async *#own(plural: string, revision: number): AsyncGenerator<readonly Entry[]> {
    const host = keyOf(hostKind, { name: this.#selection.host });
    const prefix = prefixOf(kindsByPlural.get(plural) as Kind<any, any>);
    const { entries } = await this.#entries(referrersPrefix(host), revision, {});
    const keys = plural === "hosts" ? [host] : entries.map(({ key }) => keyOfReferrer(key));
    const own = keys.filter((each) => each.startsWith(prefix));
    const found = await Promise.all(own.map((key) => this.#then(key, revision)));
    yield found.filter((entry) => entry !== undefined);
  }

  /** What did not change since is read as it is, which costs less. */
  async #then(key: string, revision: number): Promise<Entry | undefined> {
    const now = await this.#store.get(key);
    return now && now.revision <= revision ? now : this.#one(key, revision);
  }

  async #one(key: string, revision: number): Promise<Entry | undefined> {
    const { entries } = await this.#entries(key, revision, { limit: 1 });
    return entries.find((each) => each.key === key);
  }

  async #entries(prefix: string, revision: number, page: ListOptions) {
    try {
      return await inTurn(() => this.#store.list(prefix, { revision, ...page }));
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      throw expired(`too old resource version: ${revision}: watch from the beginning`);
    }
  }
}
