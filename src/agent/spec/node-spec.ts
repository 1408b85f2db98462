/** The node spec as this host knows it: objects by key, brought up to date by watch events. */
import {
  findKind,
  type Host,
  type IPPool,
  type Namespace,
  type Network,
  type Port,
  type Subnet,
  type Tenant,
} from "../../api/kinds/index.ts";
import { initialEventsEnd, objectKey, type WatchEvent } from "../../api/node-spec.ts";
import type { ApiObject } from "../../api/object.ts";
import { type Labels, type Selector, selects } from "../../model/selector.ts";

/** What an event changed: the key, and the object that is there now. */
export interface SpecChange {
  readonly key: string;
  readonly object?: ApiObject;
  /** What was there before. */
  readonly previous?: ApiObject;
  /** Somebody asks for something else than before, or it has other addresses. */
  readonly isNews: boolean;
}

interface Name {
  readonly namespace?: string;
  readonly name: string;
}

/** Objects of a kind that this build doesn't know are kept, and looked at by nobody. */
const pluralOf = ({ apiVersion, kind }: ApiObject): string =>
  findKind(apiVersion, kind)?.plural ?? `${kind.toLowerCase()}s`;

const addressesOf = (object: ApiObject | undefined): unknown =>
  (object as Port | undefined)?.status?.addresses;

/** What beside its spec changes with what somebody asks of an object. */
const asked = ["uid", "labels", "deletionTimestamp"] as const;

const pluralIn = (key: string): string => key.slice(0, key.indexOf("/"));

const revisionOf = ({ metadata }: ApiObject): number => Number(metadata.resourceVersion);

export class NodeSpec {
  /** By plural, then by key. */
  readonly #objects = new Map<string, Map<string, ApiObject>>();
  #seen: Set<string> | undefined;
  #complete = false;
  #bookmarks = 0;
  #revision: string | undefined;
  /** Of the last change that was told: others of the same commit may follow. */
  #latest = 0;

  /** A whole spec has arrived, now or earlier: what is not in it is not to be. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** How many bookmarks came: what they end is whole. */
  get bookmarks(): number {
    return this.#bookmarks;
  }

  /** Where a watch goes on; undefined: it begins anew. */
  get revision(): string | undefined {
    return this.#revision;
  }

  /** What was on disk. `complete`: it was a whole spec. */
  load(objects: readonly ApiObject[], complete: boolean): void {
    for (const object of objects) this.#set(object);
    this.#complete = complete;
  }

  /** All that there is follows, then the bookmark: what was not among it goes then. */
  begin(): void {
    this.#seen = new Set();
    this.#revision = undefined;
    this.#latest = 0;
  }

  /** Takes an event in; gives what it changed. ERROR is the feed's own affair. */
  apply({ type, object }: WatchEvent): SpecChange[] {
    if (type === "ERROR") return [];
    if (type === "BOOKMARK") {
      this.#bookmarks++;
      const isEnd = object.metadata.annotations?.[initialEventsEnd] === "true";
      if (isEnd || !this.#seen) {
        this.#revision = object.metadata.resourceVersion;
        this.#latest = revisionOf(object);
      }
      return isEnd ? this.#end() : [];
    }
    const key = this.#keyOf(object);
    const known = this.#get(key);
    if (!this.#seen) {
      this.#goOn(revisionOf(object));
      // What comes late, as from a server that lags behind, must not bring back what was.
      if (known && revisionOf(object) < revisionOf(known)) return [];
    }
    if (type === "DELETED") {
      this.#seen?.delete(key);
      return this.#delete(key) ? [{ key, ...(known && { previous: known }), isNews: true }] : [];
    }
    this.#seen?.add(key);
    const isKnown = (field: keyof ApiObject["metadata"]) =>
      Bun.deepEquals(known?.metadata[field], object.metadata[field]);
    if (isKnown("uid") && isKnown("resourceVersion")) return [];
    const isSpecKnown = known !== undefined && Bun.deepEquals(known.spec, object.spec);
    this.#set(isSpecKnown ? { ...object, spec: known.spec } : object);
    const areAddressesKnown = Bun.deepEquals(addressesOf(known), addressesOf(object));
    const isNews = !isSpecKnown || !asked.every(isKnown) || !areAddressesKnown;
    return [{ key, object, ...(known && { previous: known }), isNews }];
  }

  /** What is told of other objects with a change bears older revisions: they move nothing back. */
  #goOn(revision: number): void {
    if (revision <= this.#latest) return;
    if (this.#latest > 0) this.#revision = String(this.#latest);
    this.#latest = revision;
  }

  #end(): SpecChange[] {
    const seen = this.#seen;
    // A server that ends a listing which nobody began has told nothing of what is not in it.
    const gone = seen ? [...this.#keys()].filter((key) => !seen.has(key)) : [];
    const changes = gone.map((key) => ({ key, previous: this.#get(key)!, isNews: true }));
    for (const key of gone) this.#delete(key);
    this.#seen = undefined;
    this.#complete = true;
    return changes;
  }

  #keyOf(object: ApiObject): string {
    return objectKey(pluralOf(object), object.metadata);
  }

  #get<O extends ApiObject>(key: string): O | undefined {
    return this.#objects.get(pluralIn(key))?.get(key) as O | undefined;
  }

  #set(object: ApiObject): void {
    const key = this.#keyOf(object);
    const plural = pluralIn(key);
    const all = this.#objects.get(plural) ?? new Map<string, ApiObject>();
    this.#objects.set(plural, all.set(key, object));
  }

  #delete(key: string): boolean {
    return this.#objects.get(pluralIn(key))?.delete(key) ?? false;
  }

  *#keys(): Generator<string> {
    for (const all of this.#objects.values()) yield* all.keys();
  }

  network = (name: Name) => this.#get<Network>(objectKey("networks", name));
  port = (name: Name) => this.#get<Port>(objectKey("ports", name));
  subnet = (name: Name) => this.#get<Subnet>(objectKey("subnets", name));
  host = (name: string) => this.#get<Host>(objectKey("hosts", { name }));
  namespace = (name: string) => this.#get<Namespace>(objectKey("namespaces", { name }));

  /** While nobody asks for anything else, an object's `spec` stays the very same. */
  all<O extends ApiObject>(plural: string): O[] {
    return [...(this.#objects.get(plural)?.values() ?? [])] as O[];
  }

  /** By name, so that each time they come in one order. */
  subnetsOf({ metadata: { namespace, name } }: Network): Subnet[] {
    return this.all<Subnet>("subnets")
      .filter((subnet) => subnet.metadata.namespace === namespace && subnet.spec.network === name)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  }

  poolsOf({ metadata: { namespace, name } }: Subnet): IPPool[] {
    return this.all<IPPool>("ippools").filter(({ spec }) => spec.subnet === `${namespace}/${name}`);
  }

  /** Labels of the tenant that owns the namespace. */
  tenantLabels(namespace: string): Labels | undefined {
    const labels = this.namespaceLabels(namespace);
    return this.all<Tenant>("tenants").find(
      ({ spec }) => spec.namespaceSelector && selects(spec.namespaceSelector as Selector, labels),
    )?.metadata.labels;
  }

  /** As Kubernetes has it, each namespace is labelled with its name. */
  namespaceLabels(name: string): Labels {
    return { "kubernetes.io/metadata.name": name, ...this.namespace(name)?.metadata.labels };
  }

  /** Whether ports of the namespace may be on the network. */
  mayUse(network: Network, namespace: string): boolean {
    const { sharedWith } = network.spec;
    if (network.metadata.namespace === namespace) return true;
    return (
      sharedWith !== undefined && selects(sharedWith as Selector, this.namespaceLabels(namespace))
    );
  }
}
