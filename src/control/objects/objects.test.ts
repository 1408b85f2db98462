/** Objects in a store: made, changed, referred to, counted and gone. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kinds } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { ApiError } from "../../api/status-error.ts";
import { openSqlite } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { Objects } from "./objects.ts";

const kindOf = (name: string) => kinds.find(({ kind }) => kind === name)!;
const manager = "test";
let folder: string;
let store: Store;
let objects: Objects;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "netloom-objects-"));
  store = openSqlite(join(folder, "store.db"));
  objects = new Objects(store);
  await create("Namespace", { name: "default" }, {});
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const body = (kind: string, metadata: object, spec: object) =>
  ({
    apiVersion: kind === "Namespace" ? "v1" : "netloom.dev/v1alpha1",
    kind,
    metadata: kindOf(kind).namespaced ? { namespace: "default", ...metadata } : metadata,
    spec,
  }) as unknown as ApiObject<any, any>;
const create = (kind: string, metadata: object, spec: object) =>
  objects.create(kindOf(kind), body(kind, metadata, spec), { manager }) as Promise<
    ApiObject<any, any>
  >;
const blue = { namespace: "default", name: "blue" };
const network = (name = "blue", namespace = "default") =>
  create("Network", { name, namespace }, { type: "bridge" });
const subnet = (name: string, cidr: string) =>
  create("Subnet", { name }, { network: "blue", cidr });
const port = (name: string, more = {}) => create("Port", { name }, { network: "blue", ...more });

/** Reason and message of a refusal. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ApiError) return `${error.reason}: ${error.message}`;
    throw error;
  }
  return "none";
}

describe("an object", () => {
  test("is made once, with what the server sets and defaults filled in", async () => {
    const made = await network();
    expect(made.metadata).toMatchObject({ name: "blue", namespace: "default", generation: 1 });
    expect(made.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(made.spec).toMatchObject({ type: "bridge", mtu: 0, antiSpoofing: true });
    expect(await objects.get(kindOf("Network"), blue)).toEqual(made);
    expect(await refusal(network())).toBe(
      'AlreadyExists: networks.netloom.dev "blue" already exists',
    );
  });

  test("gets a name of its own where it asks for one that only begins so", async () => {
    const made = await create("Network", { generateName: "net-" }, { type: "none" });
    expect(made.metadata.name).toMatch(/^net-[a-z0-9]{5}$/);
  });

  test("grows in generation with its spec only", async () => {
    const made = await network();
    const replace = (more: object) =>
      objects.replace(kindOf("Network"), blue, { ...made, ...more } as ApiObject, { manager });
    expect(await replace({})).toEqual(made);
    const unversioned = { ...made.metadata, resourceVersion: "" };
    const labelled = await replace({ metadata: { ...unversioned, labels: { a: "b" } } });
    expect(labelled.metadata).toMatchObject({ generation: 1, labels: { a: "b" } });
    expect(await refusal(replace({ spec: { ...made.spec, mtu: 1400 } }))).toStartWith(
      "Conflict: Operation cannot be fulfilled",
    );
    const other = await replace({ metadata: unversioned, spec: { ...made.spec, mtu: 1400 } });
    expect(other.metadata.generation).toBe(2);
  });

  test("has a status that only its subresource changes, and then nothing else", async () => {
    const made = await network();
    const sent = {
      ...made,
      metadata: { ...made.metadata, labels: { a: "b" } },
      spec: { ...made.spec, mtu: 9 },
      status: { ports: 3 },
    };
    const status = await objects.replace(kindOf("Network"), blue, sent, {
      manager,
      subresource: "status",
    });
    expect(status).toMatchObject({ spec: made.spec, status: { ports: 3 } });
    expect(status.metadata.labels).toBeUndefined();
    const main = { ...status, status: { ports: 7 } };
    const after = await objects.replace(kindOf("Network"), blue, main, { manager });
    expect(after.status).toEqual({ ports: 3 });
  });

  test("is not kept by a dry run", async () => {
    const request = { manager, dryRun: true };
    await objects.create(
      kindOf("Network"),
      body("Network", { name: "blue" }, { type: "none" }),
      request,
    );
    expect(await refusal(objects.get(kindOf("Network"), blue))).toStartWith("NotFound");
  });

  test("waits for its finalizers", async () => {
    const made = await create("Network", { name: "blue", finalizers: ["a.b/c"] }, { type: "none" });
    const { object, gone } = await objects.delete(kindOf("Network"), blue);
    expect(gone).toBe(false);
    expect(object.metadata.deletionTimestamp).toBeString();
    expect(await refusal(subnet("a", "10.1.0.0/24"))).toContain("is being deleted");
    const light = { ...object, metadata: { ...object.metadata, finalizers: [] } };
    await objects.replace(kindOf("Network"), blue, light, { manager });
    expect(await refusal(objects.get(kindOf("Network"), blue))).toStartWith("NotFound");
    expect(made.metadata.deletionTimestamp).toBeUndefined();
  });

  test("goes only as the one that was meant", async () => {
    await network();
    const remove = (request: object) => objects.delete(kindOf("Network"), blue, request);
    expect(await refusal(remove({ uid: "other" }))).toContain("Precondition failed: UID");
    expect(await refusal(remove({ resourceVersion: "1" }))).toContain("Precondition failed");
  });
});

describe("a reference", () => {
  test("must lead to an object that is there", async () => {
    expect(await refusal(subnet("a", "10.1.0.0/24"))).toBe(
      'Invalid: Subnet.netloom.dev "a" is invalid: spec.network: Not found: "blue": there is no Network ' +
        '"default/blue": create it first',
    );
  });

  test("keeps what it leads to", async () => {
    await network();
    await subnet("a", "10.1.0.0/24");
    const refused = await refusal(objects.delete(kindOf("Network"), blue));
    expect(refused).toContain("Conflict: Operation cannot be fulfilled on networks.netloom.dev");
    expect(refused).toContain('subnet "default/a" needs it: delete it first');
    await subnet("b", "10.2.0.0/24");
    const both = await refusal(objects.delete(kindOf("Network"), blue));
    expect(both).toContain('subnets "default/a", "default/b" need it: delete them first');
    await objects.delete(kindOf("Subnet"), { namespace: "default", name: "b" });
    await objects.delete(kindOf("Subnet"), { namespace: "default", name: "a" });
    expect((await objects.delete(kindOf("Network"), blue)).gone).toBe(true);
    expect((await store.list("/referrers/")).entries).toEqual([]);
  });

  test("never leads to what went at the same time", async () => {
    for (let round = 0; round < 6; round++) {
      await network();
      const made = ["a", "b", "c"].map((name) => refusal(port(name)));
      const gone = refusal(objects.delete(kindOf("Network"), blue));
      await Promise.all([...made, gone]);
      const { items } = await objects.list(kindOf("Port"));
      const isThere = (await refusal(objects.get(kindOf("Network"), blue))) === "none";
      expect(isThere || items.length === 0).toBe(true);
      for (const { metadata } of items) await objects.delete(kindOf("Port"), metadata);
      if (isThere) await objects.delete(kindOf("Network"), blue);
    }
  });
});

describe("subnets", () => {
  test("of one network don't overlap, also when made at once", async () => {
    await network();
    const answers = await Promise.all(
      ["10.1.0.0/24", "10.1.0.0/16", "10.0.0.0/8"].map((cidr, i) => refusal(subnet(`s${i}`, cidr))),
    );
    expect(answers.filter((answer) => answer === "none")).toHaveLength(1);
    expect(answers.join()).toContain("of the same network");
    expect(await refusal(subnet("other", "10.200.0.0/16"))).toContain(
      answers[2] === "none" ? "overlaps" : "none",
    );
  });
});

describe("a port's fixed addresses", () => {
  const fixed = (name: string, ...fixedIps: object[]) => port(name, { fixedIps });

  test("are addresses that ports may have, of the network's subnets that there are", async () => {
    await network();
    await fixed("early", { address: "10.9.0.1" });
    await subnet("four", "10.1.0.0/24");
    await subnet("six", "fd00:9::/64");
    await network("green");
    await create("Subnet", { name: "other" }, { network: "green", cidr: "10.2.0.0/24" });
    const table: [object, string][] = [
      [
        { address: "10.1.0.0" },
        'address: Invalid value: "10.1.0.0": 10.1.0.0 is the network\'s own',
      ],
      [{ address: "10.1.0.1" }, '10.1.0.1 is the gateway of subnet "four", which no port gets'],
      [{ address: "10.1.0.2", subnet: "four" }, "10.1.0.2 is the service address"],
      [{ address: "10.1.0.255" }, "10.1.0.255 is the broadcast address"],
      [{ address: "10.3.0.5" }, "10.3.0.5 is in no subnet of the port's network"],
      [{ address: "10.2.0.5", subnet: "four" }, "10.2.0.5 is not in its subnet"],
      [{ address: "10.2.0.5", subnet: "other" }, '"other" is no subnet of the port\'s network'],
    ];
    for (const [wish, message] of table) {
      const said = await refusal(fixed("web", { subnet: "six" }, wish));
      expect(said).toStartWith("Invalid");
      expect(said).toContain("spec.fixedIps[1].");
      expect(said).toContain(message);
    }
    await fixed("web", { address: "10.1.0.3" });
    const place = { namespace: "default", name: "web" };
    const change = (live: ApiObject) => ({
      ...live,
      spec: { ...(live.spec as object), fixedIps: [{ address: "10.1.0.1" }] },
    });
    expect(await refusal(objects.update(kindOf("Port"), place, change, { manager }))).toContain(
      "is the gateway",
    );
    // What was asked for before its subnet was there stays, and does not keep all else from it.
    const label = (live: ApiObject) => ({
      ...live,
      metadata: { ...live.metadata, labels: { a: "b" } },
    });
    await objects.update(kindOf("Port"), { ...place, name: "early" }, label, { manager });
  });
});

describe("a quota", () => {
  test("holds when objects are made at once, and in all namespaces of the tenant", async () => {
    await create("Namespace", { name: "a", labels: { team: "a" } }, {});
    await create("Namespace", { name: "b", labels: { team: "a" } }, {});
    const spec = {
      namespaceSelector: { matchLabels: { team: "a" } },
      quotas: { networks: 3, ports: 2 },
    };
    await create("Tenant", { name: "a" }, spec);
    const answers = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((n) => refusal(network(`n${n}`, n % 2 ? "a" : "b"))),
    );
    expect(answers.filter((answer) => answer === "none")).toHaveLength(3);
    const refused = answers.find((answer) => answer !== "none")!;
    expect(refused).toStartWith("Forbidden: networks.netloom.dev");
    expect(refused).toEndWith(
      'exceeded quota: tenant "a", requested: networks=1, used: networks=3, limited: networks=3',
    );
    const { items } = await objects.list(kindOf("Network"));
    await objects.delete(kindOf("Network"), items[0]!.metadata);
    expect(await refusal(network("more", "a"))).toBe("none");
  });

  test("of addresses counts what ports are to have: one of each subnet, or what they ask for", async () => {
    const spec = { namespaceSelector: {}, quotas: { addresses: 5 } };
    await create("Tenant", { name: "t" }, spec);
    await network("dual");
    for (const [name, cidr] of [
      ["four", "10.1.0.0/24"],
      ["six", "fd00:1::/64"],
    ]) {
      await create("Subnet", { name }, { network: "dual", cidr });
    }
    const port = (name: string, more: object = {}) =>
      create("Port", { name }, { network: "dual", ...more });
    await port("a");
    await port("b");
    const beyond = (requested: number, used: number) =>
      `exceeded quota: tenant "t", requested: addresses=${requested}, used: addresses=${used}, ` +
      "limited: addresses=5";
    expect(await refusal(port("c"))).toEndWith(beyond(2, 4));
    await port("d", { fixedIps: [{ subnet: "four" }] });
    const more = (live: ApiObject) => ({
      ...live,
      spec: { ...(live.spec as object), fixedIps: [{ subnet: "four" }, { subnet: "six" }] },
    });
    const place = { namespace: "default", name: "d" };
    const update = objects.update(kindOf("Port"), place, more, { manager: "test" });
    expect(await refusal(update)).toEndWith(beyond(1, 5));
    for (const name of ["a", "b", "d"]) {
      await objects.delete(kindOf("Port"), { namespace: "default", name });
    }
    // What was counted goes with it: but for the network nothing is left.
    const { entries } = await store.list("/counts/");
    expect(entries.map(({ value }) => JSON.parse(value))).toEqual([
      { networks: 1, ports: 0, addresses: 0 },
    ]);
  });

  test("belongs to one tenant only", async () => {
    await create("Namespace", { name: "a", labels: { team: "a" } }, {});
    await create("Tenant", { name: "a" }, { namespaceSelector: { matchLabels: { team: "a" } } });
    expect(await refusal(create("Tenant", { name: "all" }, { namespaceSelector: {} }))).toContain(
      'namespace "a" would have two tenants',
    );
  });
});

describe("a list", () => {
  test("comes in pages of one moment", async () => {
    for (const name of ["a", "b", "c"]) await network(name);
    const first = await objects.list(kindOf("Network"), { limit: 2 });
    expect(first.items.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
    await network("d");
    const rest = await objects.list(kindOf("Network"), { limit: 2, continue: first.continue });
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(["c"]);
    expect(rest).toMatchObject({ revision: first.revision });
    expect(rest.continue).toBeUndefined();
    expect(await refusal(objects.list(kindOf("Network"), { continue: "x" }))).toContain(
      "continue key is not valid",
    );
    await store.compact((await objects.list(kindOf("Network"))).revision);
    expect(
      await refusal(objects.list(kindOf("Network"), { limit: 2, continue: first.continue })),
    ).toStartWith("Expired");
  });
});
