/** The informer: whatever the server does, in the end it has what the server has. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { WatchEvent } from "../node-spec.ts";
import { badRequest, expired, serviceUnavailable } from "../status-error.ts";
import { type Change, informer } from "./informer.ts";
import type { ObjectList, WatchOptions } from "./resource.ts";
import { UnreachableError } from "./transport.ts";

type Thing = { readonly metadata: any };

/** A server in memory that can break watches, forget history and refuse lists. */
class Server {
  revision = 1;
  forgotten = 0;
  refusals: Error[] = [];
  readonly things = new Map<string, Thing>();
  readonly log: { readonly revision: number; readonly event: WatchEvent<Thing> }[] = [];
  lists = 0;
  private cut = 0;
  private wake = Promise.withResolvers<void>();

  put(name: string): void {
    const type = this.things.has(name) ? "MODIFIED" : "ADDED";
    const object = { metadata: { name, resourceVersion: `${++this.revision}` } };
    this.things.set(name, object);
    this.tell({ type, object });
  }

  remove(name: string): void {
    const last = this.things.get(name);
    if (!last) return;
    this.things.delete(name);
    const metadata = { ...last.metadata, resourceVersion: `${++this.revision}` };
    this.tell({ type: "DELETED", object: { metadata } });
  }

  breakWatches(): void {
    this.cut++;
    this.rouse();
  }

  forget(): void {
    this.forgotten = this.revision;
    this.breakWatches();
  }

  async list(options: { limit?: number; continue?: string } = {}): Promise<ObjectList<Thing>> {
    this.lists++;
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    const [version, from] = (options.continue ?? `${this.revision} 0`).split(" ").map(Number);
    // Two a part, as they are now: enough for a fake, since no part outlives a change here.
    const all = [...this.things.values()];
    const more = from! + 2 < all.length;
    return {
      metadata: {
        resourceVersion: `${version}`,
        ...(more && { continue: `${version} ${from! + 2}` }),
      },
      items: all.slice(from, from! + 2),
    };
  }

  async *watch({ resourceVersion, signal }: WatchOptions = {}): AsyncGenerator<WatchEvent<any>> {
    const { cut } = this;
    let at = Number(resourceVersion);
    if (at < this.forgotten) throw expired(`too old resource version: ${at} (${this.forgotten})`);
    while (!signal?.aborted) {
      // What was not told before it broke is not told any more.
      if (this.cut !== cut) throw new UnreachableError("broken");
      const woken = this.wake.promise;
      for (const { revision, event } of this.log.filter((each) => each.revision > at)) {
        at = revision;
        yield event;
      }
      await Promise.race([woken, ended(signal!)]);
    }
  }

  private tell(event: WatchEvent<Thing>): void {
    this.log.push({ revision: this.revision, event });
    this.rouse();
  }

  private rouse(): void {
    this.wake.resolve();
    this.wake = Promise.withResolvers<void>();
  }
}

const ended = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 0));
const sleep = settle;

/** Runs an informer while `work` does; gives what it was told. */
async function during(server: Server, work: (objects: () => object) => Promise<void>) {
  const changes: Change<Thing>[] = [];
  const errors: unknown[] = [];
  const stop = new AbortController();
  const kept = informer<Thing>(server as any, {
    onChange: (change) => changes.push(change),
    onError: (error) => errors.push(error),
    sleep,
  });
  const running = kept.run(stop.signal);
  await kept.synced;
  await work(() => Object.fromEntries(kept.list().map((each) => [each.metadata.name, each])));
  stop.abort();
  await running;
  return { changes, errors, kept };
}

test("the first list comes whole before it is synced, and changes are told in order", async () => {
  const server = new Server();
  for (const name of ["a", "b", "c"]) server.put(name);
  const { changes, kept } = await during(server, async (objects) => {
    expect(Object.keys(objects())).toEqual(["a", "b", "c"]);
    server.put("a");
    server.remove("b");
    await settle();
  });
  expect(changes.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
    "added a",
    "added b",
    "added c",
    "changed a",
    "removed b",
  ]);
  expect(kept.get({ name: "a" })?.metadata.resourceVersion).toBe("5");
  expect(kept.get({ name: "b" })).toBeUndefined();
});

test("a broken watch resumes where it was, without another list", async () => {
  const server = new Server();
  const { changes, errors } = await during(server, async () => {
    server.put("a");
    await settle();
    server.breakWatches();
    server.put("b");
    for (let i = 0; i < 5; i++) await settle();
  });
  expect(server.lists).toBe(1);
  expect(errors).toHaveLength(1);
  expect(changes.map(({ object }) => object.metadata.name)).toEqual(["a", "b"]);
});

test("forgotten history is a new list, which tells what went meanwhile", async () => {
  const server = new Server();
  server.put("a");
  const { changes } = await during(server, async () => {
    server.breakWatches();
    server.remove("a");
    server.put("b");
    server.forget();
    for (let i = 0; i < 9; i++) await settle();
  });
  expect(server.lists).toBe(2);
  expect(changes.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
    "added a",
    "removed a",
    "added b",
  ]);
});

test("a server that is away is asked again, one that has no such kind is not", async () => {
  const away = new Server();
  away.refusals = [new UnreachableError("down"), serviceUnavailable("store")];
  const { errors } = await during(away, async () => undefined);
  expect(errors).toHaveLength(2);
  const other = new Server();
  other.refusals = [badRequest("field label not supported: x")];
  const kept = informer<Thing>(other as any, { sleep });
  await expect(kept.run(new AbortController().signal)).rejects.toThrow("not supported");
  await expect(kept.synced).rejects.toThrow("not supported");
});

test("what onChange throws ends the informer: it is a defect, not the server's", async () => {
  const server = new Server();
  server.put("a");
  const onChange = () => {
    throw new TypeError("defect");
  };
  const kept = informer<Thing>(server as any, { sleep, onChange });
  await expect(kept.run(new AbortController().signal)).rejects.toThrow("defect");
});

const names = fc.constantFrom("a", "b", "c", "d", "e");
const act = fc.oneof(
  names.map((name) => (server: Server) => server.put(name)),
  names.map((name) => (server: Server) => server.remove(name)),
  fc.constant((server: Server) => server.breakWatches()),
  fc.constant((server: Server) => server.forget()),
  fc.constant(() => settle()),
);

test("after any changes, breaks and compactions it has what the server has", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 20 }), async (acts) => {
      const server = new Server();
      const { changes } = await during(server, async (objects) => {
        for (const each of acts) await each(server);
        for (let i = 0; i < 12; i++) await settle();
        expect(objects()).toEqual(Object.fromEntries(server.things));
      });
      // What was told, one after the other, gives the same.
      const told = new Map<string, Thing>();
      for (const { type, object, previous } of changes) {
        const { name } = object.metadata;
        expect(told.has(name)).toBe(type !== "added");
        if (type === "changed") expect(told.get(name)).toEqual(previous!);
        if (type === "removed") told.delete(name);
        else told.set(name, object);
      }
      expect(Object.fromEntries(told)).toEqual(Object.fromEntries(server.things));
    }),
    { numRuns: 50 },
  );
});
