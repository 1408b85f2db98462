/** Many processes on one directory of reservations, the reference plugin among them. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { storeFixture } from "../../src/engine/host-local/store-fixture.ts";
import { referenceDir } from "../support/reference.ts";
import { run } from "../support/run.ts";
import { type Outcome, outcomes, type Step, startWorker } from "./worker.ts";

const processes = 16;

/** Runs one worker for each list of steps, all at once. */
async function race(
  options: Parameters<typeof startWorker>[0]["options"],
  lists: readonly (readonly Step[])[],
): Promise<Outcome[]> {
  const workers = lists.map((steps) => startWorker({ options, steps }));
  return (await Promise.all(workers.map(outcomes))).flat();
}

const lists = (count: number, steps: (worker: number) => Step[]) =>
  Array.from({ length: count }, (_, worker) => steps(worker));

const ipsOf = (results: readonly Outcome[]) => results.flatMap(({ ips }) => ips ?? []);

test("16 processes give every address once, and the last of a pool too", async () => {
  using store = storeFixture();
  const perWorker = 16; // 256 askers, 253 addresses
  const results = await race(
    store.options,
    lists(processes, (worker) =>
      Array.from({ length: perWorker }, (_, n) => ({
        kind: "add" as const,
        id: `c${worker}-${n}`,
        ipam: "10.1.0.0/24",
      })),
    ),
  );
  const given = ipsOf(results);
  expect(given.length).toBe(253);
  expect(new Set(given).size).toBe(253);
  expect(results.filter(({ error }) => error).map(({ error }) => error)).toEqual(
    Array(3).fill("ExhaustedError"),
  );
  const files = store.files();
  for (const { id, ips } of results) {
    for (const ip of ips ?? []) expect(files[ip]).toBe(`${id}\r\neth0`);
  }
});

test("of 16 that add the same container one succeeds", async () => {
  using store = storeFixture();
  const add: Step = { kind: "add", id: "same", ipam: "10.1.0.0/24" };
  const results = await race(
    store.options,
    lists(processes, () => [add]),
  );
  expect(ipsOf(results)).toEqual(["10.1.0.2"]);
  expect(results.filter(({ error }) => error === "ConflictError").length).toBe(processes - 1);
});

test("adding and deleting at once, with the reference in between, loses and doubles nothing", async () => {
  using store = storeFixture();
  mkdirSync(store.path, { recursive: true });
  const ours = race(
    store.options,
    lists(8, (worker) =>
      Array.from({ length: 30 }, (_, n): Step => {
        const id = `c${worker}-${n >> 1}`;
        return n % 2 === 0 ? { kind: "add", id, ipam: "10.1.0.0/24" } : { kind: "del", id };
      }),
    ),
  );
  const theirs = Array.from({ length: 40 }, (_, n) => reference(store.options.dataDir, `r${n}`));
  const [results, added] = await Promise.all([ours, Promise.all(theirs)]);
  expect(results.filter(({ error }) => error)).toEqual([]);
  expect(ipsOf(results).length).toBe(8 * 30);
  expect(new Set(added).size).toBe(40);
  const files = store.files();
  for (const [n, ip] of added.entries()) {
    expect(files[ip]).toBe(`r${n}\r\neth0`);
    expect(store.find(`r${n}`)).toEqual([ip]);
  }
  const left = Object.keys(files).filter((name) => /^\d/.test(name));
  expect(left.sort()).toEqual(added.toSorted());
});

/** The address that the reference plugin gives. */
async function reference(dataDir: string, id: string): Promise<string> {
  const ipam = { type: "host-local", dataDir, subnet: "10.1.0.0/24" };
  const { status, stdout } = await run([`${referenceDir("1.9.1")}/host-local`], {
    stdin: JSON.stringify({ cniVersion: "1.0.0", name: "net", type: "bridge", ipam }),
    env: {
      CNI_COMMAND: "ADD",
      CNI_CONTAINERID: id,
      CNI_NETNS: "/nowhere",
      CNI_IFNAME: "eth0",
      CNI_PATH: "/nowhere",
    },
  });
  if (status !== 0) throw new Error(stdout);
  return JSON.parse(stdout).ips[0].address.split("/")[0];
}
