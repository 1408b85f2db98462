/** Passes of the loop in which some of the attachments can't be taken away. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aside } from "./aside.ts";
import { reconcile, run, undoUnfinished } from "./loop.ts";
import { Overlays } from "./overlay/overlays.ts";
import { KeyedQueue } from "./queue.ts";

const stateDir = mkdtempSync(join(tmpdir(), "netloom-loop-"));
afterAll(() => rmSync(stateDir, { recursive: true }));

const name = { namespace: "default", name: "blue" };
const record = (id: string, more: object = {}) => ({
  ...{ id, containerId: id, ifName: "eth0", netns: "/nowhere", networkUid: "n1" },
  ...{ network: name, port: { ...name, name: id }, portUid: `u-${id}`, stage: "attached" },
  ...more,
});

/** A host of which nothing of attachment `a` can be taken away. */
function hostOf(here: readonly ReturnType<typeof record>[]) {
  const records = new Map(here.map((each) => [each.id, each]));
  const freed: boolean[] = [];
  const failed: string[] = [];
  const deleted = new Set<string>();
  let isNetworkThere = true;
  const port = ({ name }: { name: string }) => ({
    metadata: {
      ...{ name, uid: `u-${name}` },
      ...(deleted.has(name) && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: {},
  });
  const queue = new KeyedQueue();
  const agent = {
    ...{ host: "h1", queue, aside: new Aside(queue, () => {}), changed() {} },
    log: ({ level, what }: Record<string, string>) => level === "error" && failed.push(what!),
    serving: { isOn: false, own: { agent: "x", boot: "b" } },
    spec: {
      ...{ isComplete: true, revision: "1", port, all: () => [], host: () => undefined },
      network: () => (isNetworkThere ? { metadata: { uid: "n1" } } : undefined),
    },
    records: {
      ...{ get: (id: string) => records.get(id), all: () => [...records.values()] },
      here: () => [...records.values()].filter(({ stage }) => stage !== "gone"),
      write: (next: ReturnType<typeof record>) => records.set(next.id, next),
      unreadable: new Map(),
    },
    addresses: { blocks: [], free() {}, heed: () => false, freeUnless: () => freed.push(true) },
    engine: {
      ...{ paths: { stateDir }, records: () => [], unreadable: () => new Map() },
      idOf: ({ containerId }: { containerId: string }) => containerId,
      async detach({ containerId }: { containerId: string }) {
        if (containerId === "a") throw new Error("a is stuck");
      },
    },
  };
  Object.assign(agent, { overlays: new Overlays(agent.engine as never, () => {}) });
  const left = () => agent.records.here().map(({ id }) => id);
  const endNetwork = () => {
    isNetworkThere = false;
  };
  return { agent: agent as never, deleted, endNetwork, left, failed, freed };
}

test("one attachment that can't be taken away stops no other's end", async () => {
  const all = ["a", "b"].map((id) => record(id));
  const absent = hostOf(all);
  mkdirSync(`${stateDir}/gone`);
  for (const id of ["a", "b"]) writeFileSync(`${stateDir}/gone/${id}`, "");
  expect(await reconcile(absent.agent)).toBe(false);
  expect(absent.left()).toEqual(["a"]);
  rmSync(`${stateDir}/gone`, { recursive: true });

  const networkless = hostOf(all);
  networkless.endNetwork();
  expect(await reconcile(networkless.agent)).toBe(false);
  expect(networkless.left()).toEqual(["a"]);

  const ports = hostOf(all);
  for (const id of ["a", "b"]) ports.deleted.add(id);
  expect(await reconcile(ports.agent)).toBe(false);
  expect(ports.left()).toEqual(["a"]);
});

test("a call that was cut short, and can't be undone, keeps no agent from its start", async () => {
  const { agent, left, failed, freed } = hostOf(
    ["a", "b"].map((id) => record(id, { stage: "attaching" })),
  );
  expect(await run(agent, [undoUnfinished])).toBe(false);
  expect(left()).toEqual(["a"]);
  expect(failed).toEqual(["undoUnfinished"]);
  expect(freed).toEqual([true]);
});
