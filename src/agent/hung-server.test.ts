/** What a call does at a server that takes requests and answers none. */
import { expect, test } from "bun:test";
import { client } from "../api/client/client.ts";
import type { Subnet } from "../api/kinds/index.ts";
import { ControlLink } from "./control-link.ts";
import type { PortRecord } from "./port-records.ts";
import { Reporter } from "./report/reporter.ts";

const patienceMs = 200;
const port = { namespace: "default", name: "web" };

/** Counts what it is asked. */
function hung() {
  const asked: string[] = [];
  const api = client(
    async (_, { method, signal }) =>
      new Promise((_resolve, reject) => {
        asked.push(method);
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  return { asked, api };
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  const begin = performance.now();
  try {
    return await work();
  } finally {
    expect(performance.now() - begin).toBeLessThan(patienceMs + 1_000);
  }
}

function link() {
  const { asked, api } = hung();
  const made = new ControlLink({} as never, {} as never, api);
  made.reached(true);
  return { asked, link: made };
}

test("an address is asked for no longer than the caller waits", async () => {
  const { asked, link: control } = link();
  const subnet = { metadata: { namespace: "default", name: "a" } } as Subnet;
  const wish = { subnet, port, isBlockWanted: false, patienceMs, found: () => undefined };
  expect(await inTime(() => control.ask(wish))).toBeUndefined();
  // The wish, and that it is taken back.
  expect(asked).toEqual(["PATCH", "PATCH"]);
});

test("nor is a port looked for", async () => {
  const { link: control } = link();
  await expect(inTime(() => control.findPort(port, patienceMs))).rejects.toMatchObject({
    code: 11,
  });
});

test("nor is one declared or bound", async () => {
  const attaching = { id: "c1", port, network: port, stage: "attaching", addresses: [] };
  const record = attaching as unknown as PortRecord;
  const agent = {
    ...{ host: "h", spec: { port: () => undefined } },
    records: { all: () => [], get: () => record },
  };
  const reporter = new Reporter(agent as never, hung().api);
  expect(await inTime(() => reporter.declare(record, patienceMs))).toBe(record);
  const bound = inTime(() => reporter.bind(record, patienceMs));
  await expect(bound).rejects.toMatchObject({ code: 11 });
});
