/** `make bench`: a large control plane: lists, watches, memory, and how fast a change is known. */
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openSqlite } from "../src/control/store/sqlite.ts";
import { fill } from "./control/fill.ts";
import { figures, memoryMiB, type Reach, reach, type Spent, spend } from "./control/measures.ts";
import { hostName, namespaceOf, networkName, networkOf, portName } from "./control/objects.ts";
import { startProcess } from "./control/process.ts";
import { mergePatch, root, type Served, serve } from "./control/served.ts";
import { full, small } from "./control/size.ts";
import { Watcher } from "./control/watcher.ts";

const { values: options } = parseArgs({
  options: {
    small: { type: "boolean", default: false },
    /** A filled store to work on a copy of; it is made where there is none. */
    store: { type: "string" },
    /** One part alone: start, lists or watches. */
    only: { type: "string" },
    writes: { type: "string", default: "200" },
  },
});
const size = options.small ? small : full;
const agents = options.small ? 5 : 500;
const plainWatches = options.small ? 2 : 50;
const writes = Number(options.writes);
let faults = 0;
let changes = 0;

const say = (what: string, figure: string) => console.log(`${what.padEnd(52)} ${figure}`);
const told = ({ wallMs, cpuMs, stallMs }: Spent) =>
  `${wallMs.toFixed(0)} ms, cpu ${cpuMs.toFixed(0)} ms, longest stall ${stallMs.toFixed(0)} ms`;

const folder = mkdtempSync(join(tmpdir(), "netloom-bench-"));
try {
  const path = join(folder, "store.db");
  await prepare(path);
  if (!options.only || options.only === "start") await startUp(path);
  const store = openSqlite(path);
  const served = serve(store);
  try {
    if (!options.only || options.only === "lists") await lists(served);
    if (!options.only || options.only === "watches") await watches(served);
  } finally {
    served.end();
    await store.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
if (faults > 0) process.exitCode = 1;

async function prepare(path: string): Promise<void> {
  const { ports, hosts, networks } = size;
  console.log(
    `${networks} networks, ${hosts} hosts, ${ports} ports in SQLite; load ${loadavg()[0]}`,
  );
  const kept = options.store ?? path;
  if (!existsSync(kept)) {
    const store = openSqlite(kept);
    const [entries, spent] = await spend(() => fill(store, size));
    await store.close();
    say(`making ${entries} entries`, told(spent));
  }
  if (kept !== path) copyFileSync(kept, path);
  say("the file", `${(statSync(path).size / 2 ** 20).toFixed(0)} MiB`);
}

/** A server of its own, so that nobody else's memory is counted. */
async function startUp(path: string): Promise<void> {
  const server = await startProcess(folder, `sqlite:${path}`);
  try {
    const rested = await server.rest();
    say("a server starts, until it answers", `${server.readyMs.toFixed(0)} ms`);
    say(
      "until its reconcilers have looked at everything",
      `${rested.wallMs.toFixed(0)} ms, cpu ${rested.cpuMs.toFixed(0)} ms`,
    );
    say("its memory then", `${server.memoryMiB().toFixed(0)} MiB`);
    for (const turn of ["first", "second"]) {
      const [length, { wallMs }] = await spend(async () =>
        bytesOf(await server.get(`${root}/ports`)),
      );
      const size = `${(length / 2 ** 20).toFixed(0)} MiB`;
      say(`the ${turn} list of all ports over its socket, ${size}`, `${wallMs.toFixed(0)} ms`);
    }
    say("its largest memory then", `${server.peakMiB().toFixed(0)} MiB`);
  } finally {
    await server.end();
  }
}

/** Read as it comes: what a client makes of it is its own affair. */
async function bytesOf({ body }: Response): Promise<number> {
  let bytes = 0;
  for await (const chunk of body!) bytes += chunk.byteLength;
  return bytes;
}

async function lists(served: Served): Promise<void> {
  const all = `${root}/ports`;
  const within = `${root}/namespaces/${namespaceOf(size, 0)}/ports`;
  const list = async (path: string) => {
    return { bytes: await bytesOf(await served.send("GET", path)) };
  };
  const paged = async () => {
    let next = "";
    let items = 0;
    do {
      const page = await served.call(
        "GET",
        `${all}?limit=500&continue=${encodeURIComponent(next)}`,
      );
      items += page.items.length;
      next = page.metadata.continue ?? "";
    } while (next);
    if (items !== size.ports) throw new Error(`Pages held ${items} ports, not ${size.ports}`);
    return { bytes: 0 };
  };
  const cases: [string, () => Promise<{ bytes: number }>][] = [
    ["list of all ports", () => list(all)],
    ["the same again", () => list(all)],
    ["in pages of 500, parsed", paged],
    ["of one namespace", () => list(within)],
    ["by a label that a tenth has", () => list(`${all}?labelSelector=app%3Dapp-3`)],
    ["by a label that none has", () => list(`${all}?labelSelector=app%3Dnone`)],
  ];
  for (const [what, work] of cases) {
    const [, spent] = await spend(work);
    say(what, told(spent));
  }
  say("memory of this process, after collecting", `${memoryMiB().toFixed(0)} MiB`);
}

async function watches(served: Served): Promise<void> {
  const step = Math.floor(size.hosts / agents);
  const hosts = Array.from({ length: agents }, (_, i) => i * step);
  const ofHost = new Map(
    hosts.map((h) => [h, new Watcher(`${root}/hosts/${hostName(h)}/nodespec?watch=true`)]),
  );
  const nodeSpecs = [...ofHost.values()];
  const alone = await changeUnwatched(served, []);
  say("a port's change, nobody watching: cpu", `${alone.cpuMs.toFixed(2)} ms`);
  const before = memoryMiB();
  const [, spent] = await spend(() => Promise.all(nodeSpecs.map((each) => each.open(served))));
  say(`${agents} agents read their node specs`, told(spent));
  const bytes = nodeSpecs.reduce((sum, { initialBytes }) => sum + initialBytes, 0);
  say(
    "each of them",
    `${nodeSpecs[0]!.initialLines} lines, ${(bytes / agents / 2 ** 10).toFixed(0)} KiB`,
  );
  const each = ((memoryMiB() - before) * 1024) / agents;
  say("memory of an agent's watch, its client included", `${each.toFixed(0)} KiB`);
  const unneeded = await changeUnwatched(served, nodeSpecs);
  say(
    `with ${agents} agents whom it does not concern`,
    `${unneeded.cpuMs.toFixed(2)} ms, ${(((unneeded.cpuMs - alone.cpuMs) * 1000) / agents).toFixed(1)} µs each`,
  );
  const [{ metadata }] = [await served.call("GET", `${root}/ports?limit=1`)];
  const plain = Array.from({ length: plainWatches }, () => {
    const from = `resourceVersion=${metadata.resourceVersion}`;
    return new Watcher(`${root}/ports?watch=true&${from}`);
  });
  await Promise.all(plain.map((watcher) => watcher.follow(served)));
  const all = [...nodeSpecs, ...plain];
  const watched = await reach({
    count: writes,
    write: (i) => changePort(served, hosts[i % agents]!, i),
    expected: (i) => [ofHost.get(hosts[i % agents]!)!, ...plain],
    all,
  });
  report(`a port's change, to its agent and ${plainWatches} watches`, watched);
  const networks = await reach({
    count: writes,
    write: (i) => changeNetwork(served, i),
    expected: () => nodeSpecs,
    all,
  });
  report(`a network's change, to ${agents} agents`, networks);
  await Promise.all(all.map((watcher) => watcher.close()));
}

/** Ports of a host that nobody watches. */
function changeUnwatched(served: Served, all: readonly Watcher[]): Promise<Reach> {
  return reach({ count: writes, write: (i) => changePort(served, 1, i), expected: () => [], all });
}

async function changePort(served: Served, h: number, i: number): Promise<string> {
  const p = i % (size.ports / size.hosts);
  const namespace = namespaceOf(size, networkOf(size, h, p));
  const path = `${root}/namespaces/${namespace}/ports/${portName(h, p)}/status`;
  // Another each time: what changes nothing is not written.
  const attachment = { ifName: `bench${changes++}` };
  const changed = await served.call("PATCH", path, { status: { attachment } }, mergePatch);
  return changed.metadata.resourceVersion;
}

async function changeNetwork(served: Served, i: number): Promise<string> {
  const n = i % size.networks;
  const path = `${root}/namespaces/${namespaceOf(size, n)}/networks/${networkName(n)}`;
  const change = { metadata: { labels: { change: `n${i}` } } };
  return (await served.call("PATCH", path, change, mergePatch)).metadata.resourceVersion;
}

function report(what: string, { answerMs, lastMs, cpuMs, faults: found }: Reach): void {
  say(what, `to the last of them ${figures(lastMs)} ms; answer ${figures(answerMs)} ms`);
  say("", `cpu ${cpuMs.toFixed(1)} ms`);
  faults += found.length;
  for (const fault of found.slice(0, 5)) console.log(`  ${fault}`);
}
