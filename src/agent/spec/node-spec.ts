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

/** What changes with what somebody asks of an object. */
const asked = ["uid", "generation", "labels", "deletionTimestamp"] as const;

const revisionOf = ({ metadata }: ApiObject): number => Number(metadata.resourceVersion);

export class NodeSpec {
  readonly #objects = new Map<string, ApiObject>();
  #seen: Set<string> | undefined;
  #complete = false;
  #revision: string | undefined;

  /** A whole spec has arrived, now or earlier: what is not in it is not to be. */
  get isComplete(): boolean {
    return this.#complete;
  }

  /** Where a watch goes on; undefined: it begins anew. */
  get revision(): string | undefined {
    return this.#revision;
  }

  /** What was on disk. `complete`: it was a whole spec. */
  load(objects: readonly ApiObject[], complete: boolean): void {
    for (const object of objects) this.#objects.set(this.#keyOf(object), object);
    this.#complete = complete;
  }

  /** All that there is follows, then the bookmark: what was not among it goes then. */
  begin(): void {
    this.#seen = new Set();
    this.#revision = undefined;
  }

  /** Takes an event in; gives what it changed. ERROR is the feed's own affair. */
  apply({ type, object }: WatchEvent): SpecChange[] {
    if (type === "ERROR") return [];
    if (type === "BOOKMARK") {
      const isEnd = object.metadata.annotations?.[initialEventsEnd] === "true";
      if (isEnd || !this.#seen) this.#revision = object.metadata.resourceVersion;
      return isEnd ? this.#end() : [];
    }
    const key = this.#keyOf(object);
    const known = this.#objects.get(key);
    if (!this.#seen) {
      this.#revision = object.metadata.resourceVersion;
      // What comes late, as from a server that lags behind, must not bring back what was.
      if (known && revisionOf(object) < revisionOf(known)) return [];
    }
    if (type === "DELETED") {
      this.#seen?.delete(key);
      return this.#objects.delete(key) ? [{ key, isNews: true }] : [];
    }
    this.#seen?.add(key);
    this.#objects.set(key, object);
    const isKnown = (field: keyof ApiObject["metadata"]) =>
      Bun.deepEquals(known?.metadata[field], object.metadata[field]);
    if (isKnown("uid") && isKnown("resourceVersion")) return [];
    const isNews =
      !asked.every(isKnown) || !Bun.deepEquals(addressesOf(known), addressesOf(object));
    return [{ key, object, isNews }];
  }

  #end(): SpecChange[] {
    const seen = this.#seen;
    // A server that ends a listing which nobody began has told nothing of what is not in it.
    const gone = seen ? [...this.#objects.keys()].filter((key) => !seen.has(key)) : [];
    for (const key of gone) this.#objects.delete(key);
    this.#seen = undefined;
    this.#complete = true;
    return gone.map((key) => ({ key, isNews: true }));
  }

  #keyOf(object: ApiObject): string {
    return objectKey(pluralOf(object), object.metadata);
  }

  network = (name: Name) => this.#objects.get(objectKey("networks", name)) as Network | undefined;
  port = (name: Name) => this.#objects.get(objectKey("ports", name)) as Port | undefined;
  subnet = (name: Name) => this.#objects.get(objectKey("subnets", name)) as Subnet | undefined;
  host = (name: string) => this.#objects.get(objectKey("hosts", { name })) as Host | undefined;
  namespace = (name: string) =>
    this.#objects.get(objectKey("namespaces", { name })) as Namespace | undefined;

  all<O extends ApiObject>(plural: string): O[] {
    const found: O[] = [];
    for (const [key, object] of this.#objects) {
      if (key.startsWith(`${plural}/`)) found.push(object as O);
    }
    return found;
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
