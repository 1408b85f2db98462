/** Ports that the API has on this host, and of which nothing here knows. */
import { expect, test } from "bun:test";
import { client } from "../../api/client/client.ts";
import { Aside } from "../aside.ts";
import { Overlays } from "../overlay/overlays.ts";
import { KeyedQueue } from "../queue.ts";
import { Reporter } from "./reporter.ts";

const bound = {
  metadata: {
    ...{ namespace: "default", name: "a", uid: "u1", generation: 1, resourceVersion: "7" },
    labels: { "netloom.dev/made-by": "agent" },
  },
  spec: { network: "blue" },
  status: {
    bindings: [{ host: "h1", epoch: 3, active: true }],
    attachment: { containerId: "box", ifName: "eth0" },
  },
};

interface Here {
  readonly ports?: readonly object[];
  readonly records?: readonly object[];
  readonly attachments?: readonly string[];
  readonly unreadable?: ReadonlyMap<string, string>;
  readonly isComplete?: boolean;
}

/** What the reporter asks of the API, by what there is on this host. */
async function asked(here: Here): Promise<string[]> {
  const { ports = [bound], records = [], attachments = [], isComplete = true } = here;
  const { unreadable = new Map() } = here;
  const agent = {
    ...{
      host: "h1",
      log() {},
      aside: new Aside(new KeyedQueue(), () => {}),
      addresses: { blocks: [] },
    },
    ...{ control: { isReached: true }, serving: { isOn: true } },
    spec: { isComplete, all: () => ports, port: () => ports[0] },
    records: { all: () => records, get: () => undefined, unreadable },
    engine: {
      idOf: ({ containerId }: { containerId: string }) => containerId,
      records: () => attachments.map((id) => ({ id })),
    },
  };
  Object.assign(agent, { overlays: new Overlays(agent.engine as never, () => {}) });
  const calls: string[] = [];
  const api = client(async (path, { method = "GET", body = "" }) => {
    calls.push(`${method} ${path.replace(/.*\/ports\//, "")} ${body}`.trim());
    const next = { ...bound, metadata: { ...bound.metadata, resourceVersion: "8" } };
    return Response.json(method === "GET" ? ports[0] : next);
  });
  expect(await new Reporter(agent as never, api).report()).toBe(true);
  return calls;
}

test("a binding that was told too late is ended, and a port of our own goes, as it was read", async () => {
  const [read, end, gone, ...more] = await asked({});
  expect(read).toBe("GET a");
  expect(end).toStartWith("PATCH a/status ");
  expect(JSON.parse(end!.slice("PATCH a/status ".length))).toMatchObject({
    metadata: { resourceVersion: "7" },
    status: {
      bindings: [{ host: "h1", epoch: 3, active: false }],
      attachment: null,
      conditions: [{ type: "Ready", status: "False", reason: "Detached" }],
    },
  });
  expect(gone).toStartWith("DELETE a ");
  expect(JSON.parse(gone!.slice("DELETE a ".length)).preconditions).toEqual({
    ...{ uid: "u1", resourceVersion: "8" },
  });
  expect(more).toEqual([]);
});

test("of a port that went on elsewhere the binding alone is ended", async () => {
  const elsewhere = { host: "h2", epoch: 4, active: true };
  const bindings = [...bound.status.bindings, elsewhere];
  const [, end] = await asked({ ports: [{ ...bound, status: { ...bound.status, bindings } }] });
  expect(JSON.parse(end!.slice("PATCH a/status ".length)).status).toEqual({
    bindings: [elsewhere, { host: "h1", epoch: 3, active: false }],
  });
});

test("of a port that is to be elsewhere the binding alone is ended", async () => {
  const moved = { ...bound, spec: { ...bound.spec, host: "h2" } };
  const [, end] = await asked({ ports: [moved] });
  expect(Object.keys(JSON.parse(end!.slice("PATCH a/status ".length)).status)).toEqual([
    "bindings",
  ]);
});

test("what may be here is left alone", async () => {
  const elsewhere = { ...bound, status: { bindings: [{ host: "h2", epoch: 4, active: true }] } };
  const cases: readonly Here[] = [
    { ports: [elsewhere] },
    { records: [{ id: "x", port: { namespace: "default", name: "a" }, stage: "attaching" }] },
    { attachments: ["box"] },
    { unreadable: new Map([["x", "/state/ports/x.json"]]) },
    { isComplete: false },
  ];
  for (const here of cases) expect(await asked(here)).toEqual([]);
});
