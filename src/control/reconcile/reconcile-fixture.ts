/** Reconcilers that run over a store of their own for each test, without a server. */
import { afterEach, beforeEach } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { overAnnotation } from "../../api/kinds/host.ts";
import type { ApiObject } from "../../api/object.ts";
import { silentLog } from "../../lib/log.ts";
import { Feed } from "../objects/feed.ts";
import { Objects } from "../objects/objects.ts";
import { openSqlite, type SqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { reconcilers } from "./index.ts";
import { reconcile } from "./loop.ts";
import { kindOf } from "./reconciler.ts";

export type Any = ApiObject<any, any>;
export const manager = "test";

/** What the present test works on. */
export interface Reconciled {
  readonly store: Store;
  readonly objects: Objects;
  /** What the reconcilers take for the time. */
  clockMs: number;
}

/** A store in a folder of its own, and all that reconciles over it, once or more often. */
class Running {
  readonly store: SqliteStore;
  readonly #folder = mkdtempSync(join(tmpdir(), "netloom-reconcile-"));
  readonly #stores: SqliteStore[] = [];
  readonly #ends: (() => Promise<void>)[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.store = this.#open("store.db");
  }

  #open(name: string): SqliteStore {
    const store = openSqlite(join(this.#folder, name));
    this.#stores.push(store);
    return store;
  }

  start(store = this.store): Objects {
    const objects = new Objects(store);
    const feed = new Feed(store);
    const stopping = new AbortController();
    const context = { objects, nowMs: this.#nowMs };
    const running = reconcile(context, { reconcilers, feed, log: silentLog }, stopping.signal);
    this.#ends.push(async () => {
      stopping.abort();
      await running;
      feed.close();
    });
    return objects;
  }

  async restore(): Promise<Objects> {
    const { entries, revision } = await this.store.dump();
    const copy = this.#open("restored.db");
    await copy.fill(entries, revision);
    return this.start(copy);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.map((end) => end()));
    for (const store of this.#stores) await store.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** To be called once in a file: each of its tests has its own. */
export function reconciled() {
  const world = { clockMs: 0 } as { -readonly [K in keyof Reconciled]: Reconciled[K] };
  let running: Running;

  beforeEach(async () => {
    running = new Running(() => world.clockMs);
    world.clockMs = Date.now();
    Object.assign(world, { store: running.store, objects: running.start() });
    await create("Namespace", { name: "default" });
  });
  afterEach(() => running.stop());

  function create(kind: string, metadata: object, spec: object = {}): Promise<Any> {
    const apiVersion = kindOf(kind).group === "" ? "v1" : "netloom.dev/v1alpha1";
    const placed = { ...placeIn(kind), ...metadata };
    const object = { apiVersion, kind, metadata: placed, spec } as unknown as ApiObject;
    return world.objects.create(kindOf(kind), object, { manager });
  }
  const all = async (kind: string) => (await world.objects.list(kindOf(kind))).items as Any[];
  const one = async (kind: string, name: string) =>
    (await all(kind)).find(({ metadata }) => metadata.name === name);
  const status = (kind: string, name: string, next: object) =>
    world.objects.update(
      kindOf(kind),
      { ...placeIn(kind), name },
      (live) => ({ ...live, status: { ...(live.status as object), ...next } }),
      { manager, subresource: "status" },
    );
  async function network(more: object = {}): Promise<void> {
    await create("Network", { name: "blue" }, { type: "bridge", ...more });
    await create("Subnet", { name: "a" }, { network: "blue", cidr: "10.1.0.0/24" });
  }
  async function host(name: string, boot = "b1"): Promise<void> {
    await create("Host", { name });
    await status("Host", name, { boot, heartbeat: world.objects.now() });
  }
  /** Its operator says that the host is over, with all that ran there. */
  async function declareOver(name: string, boot = "b1"): Promise<void> {
    const annotations = { [overAnnotation]: boot };
    await world.objects.update(
      kindOf("Host"),
      { name },
      (live) => ({ ...live, metadata: { ...live.metadata, annotations } }),
      { manager },
    );
  }
  return {
    ...{ world, create, all, one, status, network, host, declareOver },
    /** All reconcilers once more, over the same store. */
    beside: () => running.start(),
    /** The same over another store, with what is in this one by now. */
    restored: () => running.restore(),
  };
}

const placeIn = (kind: string) => (kindOf(kind).namespaced ? { namespace: "default" } : {});

/** Waits until it holds; the test's own time limit says when that is too long. */
export async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
