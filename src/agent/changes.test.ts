/** What a port's record says of its container once its network or port asks for something else. */
import { expect, test } from "bun:test";
import type { Network, Port } from "../api/kinds/index.ts";
import type { Agent } from "./agent.ts";
import { Aside } from "./aside.ts";
import { followChanges } from "./changes.ts";
import { Followed } from "./followed.ts";
import { Overlays } from "./overlay/overlays.ts";
import type { PortRecord } from "./port-records.ts";
import { KeyedQueue } from "./queue.ts";
import { shapeOf, wantedOf } from "./wanted.ts";

type Spec<O extends { readonly spec: unknown }> = Partial<O["spec"]>;

/** A container on a network of this type. */
function host(type: string) {
  const network = (more: Spec<Network> = {}) =>
    ({ metadata: { namespace: "d", name: "n", uid: "u1" }, spec: { type, ...more } }) as Network;
  const port = (more: Spec<Port> = {}) =>
    ({
      metadata: { namespace: "d", name: "p", uid: "u2" },
      spec: { type: "container", network: "n", host: "h", ...more },
    }) as Port;
  const now = { network: network(), port: port(), subnets: [] };
  const kept: { record: PortRecord } = {
    record: {
      ...{ version: 1, id: "a1", containerId: "c", ifName: "eth0", netns: "/x", since: "" },
      ...{ network: { namespace: "d", name: "n" }, networkUid: "u1", isOurs: false },
      ...{ port: { namespace: "d", name: "p" }, stage: "attached", addresses: [] },
      given: { config: '{"cniVersion":"1.1.0","name":"n","type":"netloom"}', args: {} },
      shape: shapeOf(wantedOf(now, "h")),
    },
  };
  const queue = new KeyedQueue();
  const agent = {
    ...{
      host: "h",
      queue,
      serving: { isOn: true },
      followed: new Followed(),
      aside: new Aside(queue, () => {}),
      changed() {},
      log() {},
    },
    records: {
      here: () => [kept.record],
      get: () => kept.record,
      write: (record: PortRecord) => {
        kept.record = record;
      },
    },
    spec: {
      ...{ isComplete: true, network: () => now.network, port: () => now.port },
      ...{ subnetsOf: () => [], tenantLabels: () => undefined, namespaceLabels: () => ({}) },
      host: () => undefined,
    },
    engine: { run: async () => [], change: async () => "not attached" },
  } as unknown as Agent;
  Object.assign(agent, { overlays: new Overlays(agent.engine as never, () => {}) });
  return { now, network, port, kept, follow: () => followChanges(agent) };
}

test("a change that could not be made and was taken back leaves nothing to say", async () => {
  const { now, port, kept, follow } = host("none");
  now.port = port({ mac: "02:00:00:00:00:01" });
  await follow();
  expect(kept.record.notCurrent).toMatchObject({ reason: "NotApplied" });
  now.port = port();
  await follow();
  expect(kept.record.notCurrent).toBeUndefined();
});

test("what was not changed, for nothing is known of it, is not said to be as declared", async () => {
  const { now, network, kept, follow } = host("bridge");
  const { shape } = kept.record;
  now.network = network({ mtu: 1300 });
  await follow();
  expect(kept.record).toMatchObject({ shape, notCurrent: { reason: "NotApplied" } });
  expect(kept.record.notCurrent?.message).toStartWith("Nothing on this host knows");
});
