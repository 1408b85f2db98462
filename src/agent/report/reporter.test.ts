/** What the log says of reports that could not be made. */
import { expect, test } from "bun:test";
import { client } from "../../api/client/client.ts";
import { UnreachableError } from "../../api/client/transport.ts";
import type { Port } from "../../api/kinds/index.ts";
import type { LogEvent } from "../../lib/log.ts";
import { Aside } from "../aside.ts";
import { KeyedQueue } from "../queue.ts";
import { Reporter } from "./reporter.ts";

const port = { metadata: { namespace: "default", name: "a", generation: 1 }, spec: {} } as Port;

/** Levels of what is logged when a report is answered so, again and again. */
async function levels(answers: readonly (() => Response)[]): Promise<string[]> {
  const events: LogEvent[] = [];
  const order = [...answers];
  const agent = {
    log: (event: LogEvent) => events.push(event),
  };
  const api = client(async () => order.shift()!());
  const reporter = new Reporter(agent as unknown as ConstructorParameters<typeof Reporter>[0], api);
  for (const _ of answers) await reporter.fail(port, "why");
  return events.map(({ level }) => level);
}

const refused = (code: number, reason: string) => () =>
  Response.json({ kind: "Status", code, reason, message: "no" }, { status: code });
const taken = () => Response.json(port);
const away = () => {
  throw new UnreachableError("No server answers");
};

test("that somebody else changed the object is no warning, unless it never ends", async () => {
  const conflict = refused(409, "Conflict");
  const times = (count: number) => Array.from({ length: count }, () => conflict);
  expect(await levels(times(2))).toEqual(["debug", "debug"]);
  const many = await levels(times(20));
  expect(many.filter((level) => level === "warn")).toHaveLength(1);
  expect(await levels([...times(19), taken, ...times(19)])).not.toContain("warn");
});

test("what trying again does not mend is a warning, a server that is away none", async () => {
  expect(await levels([refused(403, "Forbidden")])).toEqual(["warn"]);
  expect(await levels([refused(409, "AlreadyExists")])).toEqual(["warn"]);
  expect(await levels([away])).toEqual(["debug"]);
});

const fail = (error: unknown) => {
  throw error;
};

test("a call that goes on while it waits for a block's report gets that report", async () => {
  const record = (id: string, stage: string) => ({
    ...{ id, stage, portUid: "u", reported: true, port: { namespace: "default", name: id } },
  });
  const records = [record("a", "attaching"), record("b", "attached")];
  const queue = new KeyedQueue();
  const ended = Promise.withResolvers<void>();
  for (const { id } of records) void queue.run(id, () => ended.promise);
  const block = { metadata: { name: "b1" }, spec: { lease: "l" } };
  const bindings = [{ host: "h1", epoch: 1, active: true }];
  const bound = { metadata: { uid: "u" }, spec: {}, status: { bindings } };
  const agent = {
    ...{ host: "h1", log() {}, queue, aside: new Aside(queue, fail) },
    ...{ control: { isReached: true }, serving: { isOn: true } },
    addresses: { blocks: [{ block: "b1", lease: "l", sequence: 5 }] },
    spec: {
      isComplete: true,
      all: (plural: string) => (plural === "ipblocks" ? [block] : []),
      port: () => bound,
    },
    records: {
      ...{ all: () => records, unreadable: new Map() },
      get: (id: string) => records.find((each) => each.id === id),
    },
  };
  let told = 0;
  const api = client(async () => {
    told++;
    ended.resolve();
    return Response.json(block);
  });
  await new Reporter(agent as never, api).report();
  await queue.idle();
  expect(told).toBe(1);
});

test("no report waits for the end of a call that attaches", async () => {
  const record = { id: "a", stage: "attaching", port: { namespace: "default", name: "a" } };
  const queue = new KeyedQueue();
  void queue.run("a", () => new Promise(() => {}));
  const agent = {
    ...{
      log() {},
      queue,
      aside: new Aside(queue, fail),
      control: { isReached: true },
      serving: { isOn: true },
    },
    ...{ addresses: { blocks: [] }, spec: { isComplete: false } },
    records: { all: () => [record], get: () => record },
  };
  const reporter = new Reporter(agent as never, {} as never);
  expect(await Promise.race([reporter.report(), Bun.sleep(200)])).toBe(true);
});

test("a name is told of anew once its end is told, also where that has to wait", async () => {
  const port = { namespace: "default", name: "web" };
  const records = new Map(
    [
      { id: "a", stage: "gone", portUid: "u", epoch: 1, containerId: "a" },
      { id: "b", stage: "attached", containerId: "b", addresses: [] },
    ].map((record) => [record.id, { ...record, port, ifName: "eth0", since: "", isOurs: false }]),
  );
  const queue = new KeyedQueue();
  const endTurn = await queue.take("a");
  const told: string[] = [];
  const object = {
    metadata: { ...port, uid: "u", resourceVersion: "1" },
    spec: { network: "blue" },
    status: { bindings: [{ host: "h1", epoch: 1, active: true }] },
  };
  const api = client(async (_, { method, body = "" }) => {
    if (method === "PATCH") told.push(JSON.parse(body).status.attachment?.containerId ?? "none");
    return Response.json(object);
  });
  const agent = {
    ...{ host: "h1", log() {}, queue, aside: new Aside(queue, fail) },
    ...{ control: { isReached: true }, serving: { isOn: true }, addresses: { blocks: [] } },
    spec: { isComplete: false, port: () => object },
    records: {
      all: () => [...records.values()],
      get: (id: string) => records.get(id),
      write: (record: { id: string }) => records.set(record.id, record as never),
      remove: (id: string) => records.delete(id),
    },
  };
  const reporter = new Reporter(agent as never, api);
  expect(await reporter.report()).toBe(false);
  expect(told).toEqual([]);
  endTurn();
  await queue.idle();
  expect(await reporter.report()).toBe(true);
  expect(told).toEqual(["none", "b"]);
});

test("a status that the API lost is told again, and once", async () => {
  const port = { namespace: "default", name: "web" };
  const record = {
    ...{ id: "b", stage: "attached", portUid: "u", epoch: 3, reported: true, isOurs: false },
    ...{ port, containerId: "b", ifName: "eth0", addresses: [], since: "" },
  };
  const records = new Map([["b", record]]);
  const object = {
    metadata: { ...port, uid: "u", resourceVersion: "4" },
    spec: { network: "blue" },
    status: {},
  };
  const told: unknown[] = [];
  const api = client(async (_, { method, body = "" }) => {
    if (method !== "PATCH") return Response.json(object);
    const { status } = JSON.parse(body);
    told.push(status.bindings);
    return Response.json({ ...object, metadata: { ...object.metadata, resourceVersion: "5" } });
  });
  const queue = new KeyedQueue();
  const agent = {
    ...{ host: "h1", log() {}, queue, aside: new Aside(queue, fail) },
    ...{ control: { isReached: true }, serving: { isOn: true }, addresses: { blocks: [] } },
    // As it was before it was told.
    spec: { isComplete: false, port: () => object },
    records: {
      all: () => [...records.values()],
      get: (id: string) => records.get(id),
      write: (next: { id: string }) => records.set(next.id, next as never),
    },
  };
  const reporter = new Reporter(agent as never, api);
  for (let i = 0; i < 3; i++) expect(await reporter.report()).toBe(true);
  expect(told).toEqual([[{ host: "h1", epoch: 3, active: true }]]);
});
