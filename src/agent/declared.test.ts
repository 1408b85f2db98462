/** When what is declared for this host is made, and made anew. */
import { expect, test } from "bun:test";
import { Aside } from "./aside.ts";
import { makeDeclared, removeSurplus } from "./declared.ts";
import { forEach } from "./each.ts";
import { Overlays } from "./overlay/overlays.ts";
import type { PortRecord } from "./port-records.ts";
import { KeyedQueue } from "./queue.ts";

const machine = (name: string) => ({
  metadata: { namespace: "default", name, uid: `u-${name}` },
  spec: { type: "baremetal", network: "blue", host: "h1" },
});

/** A host of machines of which nothing but records is kept. */
function hostOf(names: readonly string[]) {
  const ports = names.map(machine);
  const network = { metadata: { namespace: "default", name: "blue", uid: "n" }, spec: {} };
  const records = new Map<string, PortRecord>();
  const log: string[] = [];
  const stuck = new Set<string>();
  const serving = { isOn: true, own: { agent: "a", boot: "b1" } };
  const queue = new KeyedQueue();
  const agent = {
    ...{ host: "h1", serving, queue, aside: new Aside(queue, () => {}), changed() {}, log() {} },
    spec: {
      port: ({ name }: { name: string }) => ports.find(({ metadata }) => metadata.name === name),
      ...{ isComplete: true, all: () => ports, network: () => network, subnetsOf: () => [] },
      ...{ host: () => undefined, tenantLabels: () => undefined, namespaceLabels: () => ({}) },
    },
    records: {
      ...{ get: (id: string) => records.get(id), unreadable: new Map() },
      here: () => [...records.values()].filter(({ stage }) => stage !== "gone"),
      remove: (id: string) => records.delete(id),
      write(record: PortRecord) {
        if (record.stage === "attached") log.push(`made ${record.id}`);
        records.set(record.id, record);
      },
    },
    addresses: { free() {}, sync: () => ({ finish() {} }) },
    ports: { fail: async () => {} },
    engine: {
      ...{ paths: { stateDir: "/nowhere", runDir: "/nowhere" }, records: () => [] },
      idOf: ({ containerId }: { containerId: string }) => containerId.replace("port-u-", ""),
      async detach({ containerId }: { containerId: string }) {
        const id = containerId.replace("port-u-", "");
        if (stuck.has(id)) throw new Error(`${id} is stuck`);
        log.push(`detached ${id}`);
      },
    },
  };
  Object.assign(agent, { overlays: new Overlays(agent.engine as never, () => {}) });
  const pass = () => forEach([removeSurplus, makeDeclared], (piece) => piece(agent as never));
  return { ports, serving, log, stuck, pass };
}

test("what was made in an earlier boot is made again, and then left alone", async () => {
  const { log, serving, pass } = hostOf(["a"]);
  await pass();
  await pass();
  expect(log).toEqual(["made a"]);
  serving.own.boot = "b2";
  await pass();
  await pass();
  expect(log).toEqual(["made a", "detached a", "made a"]);
});

test("one that can't be taken away keeps no other from being so, nor from being made", async () => {
  const { ports, log, stuck, pass } = hostOf(["a", "b"]);
  await pass();
  log.length = 0;
  stuck.add("a");
  ports.splice(0, 2, machine("c"));
  await expect(pass()).rejects.toThrow("a is stuck");
  expect(log).toEqual(["detached b", "made c"]);
  stuck.clear();
  await pass();
  expect(log).toEqual(["detached b", "made c", "detached a"]);
});
