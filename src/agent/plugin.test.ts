/** What ADD and DEL leave in the records, and what the loop makes of it meanwhile. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Call } from "../cni/plugin.ts";
import type { Agent } from "./agent.ts";
import { Aside } from "./aside.ts";
import { reconcile } from "./loop.ts";
import { Overlays } from "./overlay/overlays.ts";
import { Patience } from "./patience.ts";
import { agentPlugin } from "./plugin.ts";
import { type PortRecord, PortRecords } from "./port-records.ts";
import { KeyedQueue } from "./queue.ts";

const id = "00000000000000c1";
let stateDir = "";

beforeEach(() => {
  stateDir = mkdtempSync(`${tmpdir()}/netloom-plugin-`);
  for (const name of ["gone", "ports"]) mkdirSync(`${stateDir}/${name}`);
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const attached = {
  ...{ version: 1, id, containerId: "c1", ifName: "eth0", netns: "/old", stage: "attached" },
  ...{ network: { namespace: "default", name: "n" }, networkUid: "n1", isOurs: false },
  ...{ port: { namespace: "default", name: "web" }, portUid: "web1", epoch: 1, isBound: true },
  ...{ addresses: [], since: "" },
} as const satisfies PortRecord;

/** An agent of network `n`, of type `host`, with the ports `declared`. */
function host(declared: readonly string[] = ["web", "api"]) {
  const network = {
    metadata: { namespace: "default", name: "n", uid: "n1" },
    spec: { type: "host" },
  };
  const port = ({ name }: { name: string }) =>
    declared.includes(name)
      ? {
          metadata: { namespace: "default", name, uid: `${name}1` },
          spec: { type: "container", network: "n", host: "h" },
        }
      : undefined;
  const detached: string[] = [];
  const nudges: string[] = [];
  const records = new PortRecords(`${stateDir}/ports`, () => {});
  const queue = new KeyedQueue();
  const agent = {
    ...{ host: "h", queue, aside: new Aside(queue, () => {}), log() {}, records },
    changed: () => void nudges.push("changed"),
    serving: { isOn: true, standing: "serving" },
    addresses: { blocks: [], free() {}, heed: () => false },
    control: { isReached: false, waitFor: async () => false, findPort: async () => undefined },
    spec: {
      ...{ isComplete: false, network: () => network, port, host: () => undefined },
      ...{ all: () => [], subnetsOf: () => [], mayUse: () => true },
    },
    engine: {
      ...{ paths: { stateDir }, run: async () => ({ addresses: [] }), unreadable: () => new Map() },
      idOf: ({ containerId }: { containerId: string }) => containerId.padStart(16, "0"),
      async detach({ containerId }: { containerId: string }) {
        detached.push(containerId);
        await Bun.sleep(20);
      },
    },
    ports: {
      bind: async (record: PortRecord) => record,
      declare: async (record: PortRecord) => record,
    },
  };
  Object.assign(agent, { overlays: new Overlays(agent.engine as never, () => {}) });
  const plugin = agentPlugin(agent as unknown as Agent, {
    again: false,
    patience: new Patience(1000),
  });
  return { agent: agent as unknown as Agent & typeof agent, records, detached, nudges, plugin };
}

/** By a container's runtime, about the port of this name, or of none. */
const call = (port?: string) =>
  ({
    ...{ containerId: "c1", ifName: "eth0", netns: "/new", text: "{}", runtimeConfig: {} },
    args: { values: new Map() },
    conf: { name: "n", raw: { network: "n" }, cniArgs: { port }, runtimeConfig: {} },
  }) as unknown as Call;

const leaveWord = (of = id) => writeFileSync(`${stateDir}/gone/${of}`, "");

test("what went while no agent was there is taken away before it is attached anew", async () => {
  const { records, detached, plugin, agent } = host();
  records.write(attached);
  leaveWord();
  await plugin.add(call("web"));
  expect(detached).toEqual(["c1"]);
  expect(existsSync(`${stateDir}/gone/${id}`)).toBe(false);
  await reconcile(agent);
  expect(records.get(id)).toMatchObject({ stage: "attached", netns: "/new" });
});

test("an attachment made anew before the loop comes to the old one's end stays", async () => {
  const { records, detached, plugin, agent } = host();
  records.write(attached);
  const port = { namespace: "default", name: "other" };
  records.write({ ...attached, id: "0000000000000000", containerId: "00", port });
  leaveWord("0000000000000000");
  leaveWord();
  const added = plugin.add(call("web"));
  const looped = reconcile(agent);
  await Promise.all([added, looped]);
  expect(detached.toSorted()).toEqual(["00", "c1"]);
  expect(records.get(id)).toMatchObject({ stage: "attached", netns: "/new" });
});

test("an attachment to a network made anew stays when the loop's look is older", async () => {
  const { records, detached, agent } = host();
  records.write({ ...attached, networkUid: "n0" });
  Object.assign(agent.spec, { isComplete: true, revision: "1" });
  agent.serving.isOn = false;
  const turn = agent.queue.run(id, async () => {
    await Bun.sleep(5);
    records.write(attached);
  });
  await Promise.all([turn, reconcile(agent)]);
  expect(detached).toEqual([]);
});

test("a port that was made for an attachment which failed is told to be over", async () => {
  const { records, plugin, agent, nudges } = host([]);
  Object.assign(agent.engine, { run: () => Promise.reject(new Error("no")) });
  await expect(plugin.add(call())).rejects.toThrow("no");
  expect(records.get(id)).toMatchObject({ stage: "gone", isOurs: true });
  expect(nudges).toHaveLength(1);
});

test("of a port that was refused nothing is left to tell", async () => {
  const { records, plugin, agent } = host([]);
  agent.ports.declare = () => Promise.reject(new Error("no"));
  await expect(plugin.add(call())).rejects.toThrow("no");
  expect(records.all()).toEqual([]);
});

test("the end of what an attachment was before stays to be told when it is another port", async () => {
  const { records, plugin } = host();
  records.write(attached);
  await plugin.del(call("web"));
  await plugin.add(call("api"));
  const found = () => records.all().map(({ port, stage, epoch }) => [port.name, stage, epoch]);
  const both = [
    ["web", "gone", 1],
    ["api", "attached", undefined],
  ];
  expect(found().toSorted().toReversed()).toEqual(both);
  const read = new PortRecords(`${stateDir}/ports`, () => {});
  expect(
    read
      .all()
      .map(({ id: each }) => each === id)
      .toSorted(),
  ).toEqual([false, true]);
  await plugin.del(call("api"));
  await plugin.add(call("api"));
  expect(found().toSorted().toReversed()).toEqual(both);
});

test("so does its end on another network, and when the new attachment fails", async () => {
  const { records, plugin, agent } = host();
  records.write({ ...attached, networkUid: "n0", stage: "gone" });
  Object.assign(agent.engine, { run: () => Promise.reject(new Error("no")) });
  await expect(plugin.add(call("web"))).rejects.toThrow("no");
  expect(records.all()).toMatchObject([{ networkUid: "n0", stage: "gone", epoch: 1 }]);
});
