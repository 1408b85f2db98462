/** Bindings of one port among lost messages and cut-off hosts: its address has one user. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aside } from "../../src/agent/aside.ts";
import { Overlays } from "../../src/agent/overlay/overlays.ts";
import type { PortRecord, PortRecords } from "../../src/agent/port-records.ts";
import { KeyedQueue } from "../../src/agent/queue.ts";
import { Reporter } from "../../src/agent/report/reporter.ts";
import type { Client } from "../../src/api/client/client.ts";
import { UnreachableError } from "../../src/api/client/transport.ts";
import { kinds, type Port } from "../../src/api/kinds/index.ts";
import { mergePatch } from "../../src/api/merge-patch.ts";
import type { ApiObject } from "../../src/api/object.ts";
import { ifAbsent } from "../../src/api/status-error.ts";
import { Objects } from "../../src/control/objects/objects.ts";
import { openSqlite } from "../../src/control/store/sqlite.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Attachment } from "../../src/model/port.ts";
import { generator } from "../support/random.ts";

/** `NETLOOM_SEED` repeats a run. */
const seed = Number(process.env.NETLOOM_SEED ?? Date.now() % 1_000_000);
const operations = 3_000;
const random = generator(seed);
const chance = (of: number) => random() < of;
const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)];

const place = { namespace: "default", name: "web" };
const manager = "test";
const kindOf = (name: string) => kinds.find(({ kind }) => kind === name)!;
const portKind = kindOf("Port");
const since = "2026-01-01T00:00:00Z";
const given = { address: "10.1.0.9", subnet: "blue", claimed: true } as const;

/** The API as a host sees it: what it says, or what is said to it, may be lost. */
class LossyApi {
  readonly #objects: Objects;
  isCut = false;

  constructor(objects: Objects) {
    this.#objects = objects;
  }

  readonly of = () => ({
    find: () => this.#call(() => this.#objects.get(portKind, place).catch(ifAbsent)),
    status: {
      mergePatch: (_: object, patch: object) => this.#call(() => this.#patch(patch)),
    },
  });

  #patch = (patch: object) =>
    this.#objects.update(
      portKind,
      place,
      (live) => this.#objects.changed(portKind, live, { sent: merged(live, patch), ...status }),
      { manager, ...status },
    );

  async #call<T>(work: () => Promise<T>): Promise<T> {
    if (this.isCut || chance(0.1)) throw new UnreachableError("lost on the way");
    const answer = await work();
    if (chance(0.1)) throw new UnreachableError("lost on the way back");
    return answer;
  }
}

const status = { subresource: "status" } as const;
const merged = (live: ApiObject, patch: object) => mergePatch(live, patch) as ApiObject;

class Host {
  readonly name: string;
  readonly api: LossyApi;
  readonly records = new Map<string, PortRecord>();
  /** Containers that have the address, by the uid of the port that they were given. */
  readonly running = new Map<string, string>();
  /** What the host knows of the port. */
  known: Port | undefined;
  readonly #reporter: Reporter;
  /** What failed otherwise than by what was lost, or by a change of another's. */
  readonly surprises: string[] = [];
  #made = 0;

  constructor(name: string, objects: Objects) {
    this.name = name;
    this.api = new LossyApi(objects);
    const all = () => [...this.records.values()];
    const records: Partial<PortRecords> = {
      all,
      get: (id) => this.records.get(id),
      here: () => all().filter(({ stage }) => stage !== "gone"),
      write: (record) => void this.records.set(record.id, record),
      remove: (id) => void this.records.delete(id),
      unreadable: new Map(),
    };
    const spec = {
      isComplete: true,
      port: () => this.known,
      all: () => (this.known ? [this.known] : []),
    };
    const engine = {
      idOf: ({ containerId }: Attachment) => containerId,
      records: () => [...this.running.keys()].map((id) => ({ id })),
    };
    const queue = new KeyedQueue();
    const late = (error: unknown) => this.surprises.push(String(error));
    const aside = new Aside(queue, late);
    const agent = {
      ...{ host: name, records, log: this.#log, queue, aside },
      ...{ spec, engine, addresses: { blocks: [] } },
      control: { isReached: true },
      serving: { isOn: true },
    };
    Object.assign(agent, { overlays: new Overlays(engine as never, this.#log) });
    this.#reporter = new Reporter(agent as never, this.api as unknown as Client);
  }

  readonly #log: Log = ({ event, error }) => {
    if (!/lost on the way|modified/.test(String(error))) this.surprises.push(`${event}: ${error}`);
  };

  async attach(): Promise<void> {
    const port = this.known;
    if (!port?.status?.addresses?.length || this.running.size > 0) return;
    const id = `${this.name}-${++this.#made}`;
    const record = {
      ...{
        id,
        containerId: id,
        ifName: "eth0",
        netns: "/run/c",
        isOurs: false,
        stage: "attaching",
      },
      ...{ version: 1, network: place, port: place, addresses: [given], since },
    } as PortRecord;
    this.records.set(id, record);
    try {
      const bound = await this.#reporter.bind(record, Number.POSITIVE_INFINITY);
      this.records.set(id, { ...bound, stage: "attached" });
      this.running.set(id, bound.portUid!);
    } catch {
      const left = this.records.get(id)!;
      if (left.epoch === undefined) this.records.delete(id);
      else this.records.set(id, { ...left, stage: "gone" });
    }
  }

  detach(): void {
    for (const id of this.running.keys()) {
      const { reported: _, ...record } = this.records.get(id)!;
      this.records.set(id, { ...record, stage: "gone" });
      this.running.delete(id);
    }
  }

  async hear(objects: Objects): Promise<void> {
    if (this.api.isCut) return;
    this.known = (await objects.get(portKind, place).catch(() => undefined)) as Port | undefined;
    if (this.known?.metadata.deletionTimestamp) this.detach();
  }

  report = () => this.#reporter.report();
}

test(`an address has one user, whatever is lost, and nothing waits in the end (seed ${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "netloom-binding-"));
  const store = openSqlite(join(folder, "store.db"));
  try {
    const objects = new Objects(store);
    const hosts = ["h1", "h2", "h3"].map((name) => new Host(name, objects));
    await make(objects, "Namespace", { name: "default" }, {});
    await make(objects, "Network", { ...place, name: "blue" }, { type: "bridge" });
    let attached = 0;
    let deleted = 0;
    const there = () => objects.get(portKind, place).catch(() => undefined);
    for (let i = 0; i < operations; i++) {
      const host = pick(hosts)!;
      const before = host.running.size;
      const act = pick([
        () => host.attach(),
        () => host.attach(),
        () => host.detach(),
        () => host.report(),
        () => host.report(),
        () => host.hear(objects),
        () => host.hear(objects),
        () => {
          host.api.isCut = chance(0.4);
        },
        async () => {
          if (!(await there()) || !chance(0.5)) return;
          await objects.delete(portKind, place);
          deleted++;
        },
        async () => {
          if (await there()) return;
          await make(objects, "Port", place, { network: "blue" });
          const addresses = [given];
          const change = (live: ApiObject) => ({ ...live, status: { addresses } });
          await objects.update(portKind, place, change, { manager, ...status });
        },
      ])!;
      await act();
      attached += Math.max(0, host.running.size - before);
      const users = hosts.flatMap(({ running }) => [...running.values()]);
      const uid = (await there())?.metadata.uid;
      expect(users.length).toBeLessThanOrEqual(1);
      expect(users.filter((user) => user !== uid)).toEqual([]);
    }
    expect(attached).toBeGreaterThan(operations / 100);
    expect(deleted).toBeGreaterThan(operations / 100);
    expect(hosts.flatMap(({ surprises }) => surprises)).toEqual([]);
    for (const host of hosts) {
      host.api.isCut = false;
      host.detach();
      while (host.records.size > 0) await host.report();
    }
    if (await there()) await objects.delete(portKind, place).catch(() => {});
    expect(await there()).toBeUndefined();
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}, 60_000);

function make(objects: Objects, kind: string, metadata: object, spec: object): Promise<ApiObject> {
  const apiVersion = kind === "Namespace" ? "v1" : "netloom.dev/v1alpha1";
  const object = { apiVersion, kind, metadata, spec } as unknown as ApiObject;
  return objects.create(kindOf(kind), object, { manager });
}
