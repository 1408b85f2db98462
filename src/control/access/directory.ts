/** Tokens, grants and tenants at hand: read from the store once, kept true by its changes. */
import {
  type Grant,
  kinds,
  type Namespace,
  type Tenant,
  type Token,
} from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import type { Log } from "../../lib/log.ts";
import type { Feed } from "../objects/feed.ts";
import { prefixOf, resourceOf } from "../objects/keys.ts";
import { decodeEntry } from "../objects/stored.ts";
import type { Store } from "../store/store.ts";
import type { Tenancy } from "./authorize.ts";

/** What rights hang on, by plural. */
export const rightsHangOn = ["tokens", "grants", "tenants", "namespaces"] as const;
type Plural = (typeof rightsHangOn)[number];

const kindOf = (plural: Plural) => kinds.find((kind) => kind.plural === plural)!;
const pluralByResource = new Map(
  rightsHangOn.map((plural) => [resourceOf(kindOf(plural)), plural] as const),
);

/** Who asks for what nobody knows makes us look into the store no more often than so. */
const renewalMs = 200;
const retryMs = 500;

interface Source {
  readonly store: Store;
  readonly feed: Feed;
  readonly log: Log;
}

export class Directory implements Tenancy {
  readonly #source: Source;
  readonly #ends: AbortSignal;
  /** Objects by key. */
  readonly #objects = new Map<Plural, Map<string, ApiObject>>(
    rightsHangOn.map((plural) => [plural, new Map()]),
  );
  #tokens = new Map<string, Token>();
  #grants = new Map<string, Grant[]>();
  #uids = new Map<string, Token>();
  /** By plural: all changes up to this revision are in `#objects`. */
  readonly #seen = new Map<Plural, number>();
  #renewal: { readonly begun: number; readonly done: Promise<void> } | undefined;
  readonly #listeners = new Set<() => void>();

  private constructor(source: Source, ends: AbortSignal) {
    this.#source = source;
    this.#ends = ends;
  }

  /** Follows the store until `ends` fires. Throws StoreUnavailableError. */
  static async open(source: Source, ends: AbortSignal): Promise<Directory> {
    const directory = new Directory(source, ends);
    await directory.renew();
    void directory.#follow();
    return directory;
  }

  tokenOf(hash: string): Token | undefined {
    return this.#tokens.get(hash);
  }

  /** The very token, as it is now. */
  tokenWith(uid: string): Token | undefined {
    return this.#uids.get(uid);
  }

  grantsOf(user: string): readonly Grant[] {
    return this.#grants.get(user) ?? [];
  }

  selectorOf(tenant: string) {
    return this.#get<Tenant>("tenants", tenant)?.spec.namespaceSelector;
  }

  allowedOf(tenant: string) {
    return this.#get<Tenant>("tenants", tenant)?.spec.allowed;
  }

  labelsOf(namespace: string) {
    const found = this.#get<Namespace>("namespaces", namespace);
    return found && (found.metadata.labels ?? {});
  }

  /** Calls back whenever rights may be others. Gives what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** As things stand in the store when it is called, or later. Throws StoreUnavailableError. */
  async renew(): Promise<void> {
    for (const plural of rightsHangOn) await this.#list(plural);
    this.#index();
  }

  /** As `renew`, but shared by all who ask within a moment. */
  async renewSoon(): Promise<void> {
    const asked = Date.now();
    const last = this.#renewal;
    if (last && last.begun >= asked) return last.done;
    const wait = last ? Math.max(0, last.begun + renewalMs - asked) : 0;
    const done = (async () => {
      await new Promise((resolve) => setTimeout(resolve, wait));
      await this.renew();
    })();
    this.#renewal = { begun: asked + wait, done };
    return done;
  }

  async #list(plural: Plural): Promise<void> {
    for (;;) {
      const { entries, revision } = await this.#source.store.list(prefixOf(kindOf(plural)));
      // Meanwhile the feed may have told what is newer, and would not tell it again.
      if (revision < (this.#seen.get(plural) ?? 0)) continue;
      this.#objects.set(plural, new Map(entries.map((entry) => [entry.key, decodeEntry(entry)])));
      this.#seen.set(plural, revision);
      return;
    }
  }

  #get<O extends ApiObject>(plural: Plural, name: string): O | undefined {
    const key = `${prefixOf(kindOf(plural))}${name}`;
    return this.#objects.get(plural)!.get(key) as O | undefined;
  }

  async #follow(): Promise<void> {
    const { feed, log } = this.#source;
    while (!this.#ends.aborted) {
      try {
        for await (const { events } of feed.follow(this.#begin(), this.#ends)) {
          const ours = events.filter(({ resource }) => pluralByResource.has(resource));
          for (const { resource, key, object, revision } of ours) {
            this.#take(pluralByResource.get(resource)!, { key, object, revision });
          }
          if (ours.length > 0) this.#index();
        }
      } catch (error) {
        if (this.#ends.aborted) return;
        log({ level: "warn", event: "access", error: (error as Error).message });
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
      if (!this.#ends.aborted) await this.renew().catch(() => {});
    }
  }

  #take(
    plural: Plural,
    { key, object, revision }: { key: string; object?: ApiObject; revision: number },
  ): void {
    // A list saw what came after this event already.
    if (revision <= this.#seen.get(plural)!) return;
    const objects = this.#objects.get(plural)!;
    if (object) objects.set(key, object);
    else objects.delete(key);
    this.#seen.set(plural, revision);
  }

  /** After which the feed tells what is missing. */
  #begin(): number {
    return Math.min(...this.#seen.values());
  }

  #index(): void {
    const tokens = [...this.#objects.get("tokens")!.values()] as Token[];
    this.#tokens = new Map(tokens.map((token) => [token.status?.hash ?? "", token]));
    this.#tokens.delete("");
    this.#uids = new Map(tokens.map((token) => [token.metadata.uid, token]));
    const grants = [...this.#objects.get("grants")!.values()] as Grant[];
    this.#grants = Map.groupBy(grants, ({ spec }) => spec.user);
    for (const listener of [...this.#listeners]) listener();
  }
}
