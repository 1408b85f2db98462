/** What is told when an attachment was another port before, or the same name on another network. */
import { expect, test } from "bun:test";
import { client } from "../../api/client/client.ts";
import { Aside } from "../aside.ts";
import type { PortRecord } from "../port-records.ts";
import { KeyedQueue } from "../queue.ts";
import { Reporter } from "./reporter.ts";

const record = (more: Partial<PortRecord>): PortRecord => ({
  ...{ version: 1, id: "c1", containerId: "c1", ifName: "eth0", netns: "/x", since: "" },
  ...{ network: { namespace: "default", name: "red" }, networkUid: "n2", isOurs: true },
  ...{ port: { namespace: "default", name: "c1-1" }, stage: "attached", addresses: [] },
  ...more,
});

const blue = { namespace: "default", name: "blue" };
const aside = record({ id: "c1-0", network: blue, networkUid: "n1", stage: "gone", portUid: "u1" });

/** A reporter of a host with these records, and of an API with the port of what is set aside. */
function reporting(records: Map<string, PortRecord>) {
  let made = 1;
  const portOn = (network: string) => ({
    metadata: { namespace: "default", name: "c1-1", uid: `u${made}`, resourceVersion: "1" },
    spec: { network, type: "container", host: "h1" },
  });
  let port: object | undefined = portOn("blue");
  const calls: string[] = [];
  const api = client(async (_, { method, body = "{}" }) => {
    calls.push(method);
    if (method === "DELETE") port = undefined;
    if (method === "POST" && port) {
      return Response.json({ kind: "Status", code: 409, reason: "AlreadyExists" }, { status: 409 });
    }
    if (method === "POST") {
      made++;
      port = portOn(JSON.parse(body).spec.network);
    }
    const absent = { kind: "Status", code: 404, reason: "NotFound", message: "no" };
    return port || method === "DELETE"
      ? Response.json(port ?? {})
      : Response.json(absent, { status: 404 });
  });
  const agent = {
    ...{
      host: "h1",
      log() {},
      aside: new Aside(new KeyedQueue(), () => {}),
      addresses: { blocks: [] },
    },
    ...{ control: { isReached: true }, serving: { isOn: true } },
    spec: { isComplete: false, all: () => [], port: () => undefined },
    records: {
      all: () => [...records.values()],
      get: (id: string) => records.get(id),
      write: (each: PortRecord) => records.set(each.id, each),
      remove: (id: string) => records.delete(id),
    },
  };
  return { reporter: new Reporter(agent as never, api), calls };
}

test("what is gone is told first, and its port does not become the new attachment's", async () => {
  const records = new Map([record({}), aside].map((each) => [each.id, each]));
  const { reporter, calls } = reporting(records);
  expect(await reporter.report()).toBe(true);
  expect(calls).toContain("DELETE");
  expect([...records.values()]).toMatchObject([
    { id: "c1", portUid: "u2", reported: true, network: { name: "red" } },
  ]);
});

test("while it is yet to go, a port of its name is not declared anew", async () => {
  const records = new Map([[aside.id, aside]]);
  const { reporter } = reporting(records);
  const now = record({ stage: "attaching" });
  await expect(reporter.declare(now, 1000)).rejects.toThrow("is being deleted");
  await reporter.report();
  expect(await reporter.declare(now, 1000)).toMatchObject({ portUid: "u2" });
});
