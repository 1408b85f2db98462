/** Runs one case on one host with one set of plugins, and tells everything that can be compared. */
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import {
  type CniAnswer,
  type CniCommand,
  callChain,
  type NetworkList,
} from "../support/cni-call.ts";
import { shell } from "../support/run.ts";
import { readNetns, readTree } from "../support/snapshot.ts";
import { netnsPath, TestHost } from "../support/test-host.ts";
import { serve } from "../support/traffic.ts";
import type { Case } from "./case.ts";
import { type Moment, normaliseState, Roles } from "./normalise.ts";
import { tryTraffic, wantedPorts } from "./reachability.ts";

/** Plugins of one side. `foreign` is where a case's foreign plugins come from. */
export interface Side {
  readonly plugins: string;
  readonly foreign: string;
  readonly isOurs?: true;
}

/** What happened, step by step: JSON values that two sides can be compared by. */
export type Observation = Record<string, unknown>;

interface Scene {
  readonly item: Case;
  readonly host: TestHost;
  readonly plugins: string;
  readonly list: NetworkList;
  readonly containers: readonly string[];
  readonly paths: ReadonlyMap<string, string>;
  readonly results: (unknown | undefined)[];
}

export async function observe(item: Case, side: Side): Promise<Observation> {
  const host = await TestHost.create(item.host);
  try {
    return await play(await setScene(item, side, host));
  } finally {
    await host.remove();
  }
}

async function setScene(item: Case, side: Side, host: TestHost): Promise<Scene> {
  for (const [name, text] of Object.entries(item.files ?? {}))
    writeFileSync(join(host.dir, name), text);
  const containers: string[] = [];
  for (let i = 0; i < (item.containers ?? 1); i++) containers.push(await host.addContainer());
  if (item.inContainer) for (const name of containers) await host.shell(item.inContainer, name);
  const text = JSON.stringify(side.isOurs ? (item.ourList ?? item.list) : item.list);
  const placed = text.replaceAll("$DATA", join(host.dir, "data")).replaceAll("$DIR", host.dir);
  const paths = containers.map((name, i) => [netnsPath(name), `<netns of c${i + 1}>`] as const);
  return {
    item,
    host,
    plugins: await pluginsOf(item, side, host),
    list: JSON.parse(placed),
    containers,
    paths: new Map(paths),
    results: [],
  };
}

/** The side's plugins, with the case's foreign ones linked among them. */
async function pluginsOf(item: Case, side: Side, host: TestHost): Promise<string> {
  if (item.foreign === undefined) return side.plugins;
  const dir = join(host.dir, "plugins");
  await mkdir(dir);
  const own = readdirSync(side.plugins);
  for (const name of [...own.filter((type) => !item.foreign?.includes(type)), ...item.foreign]) {
    const from = item.foreign.includes(name) ? side.foreign : side.plugins;
    symlinkSync(join(from, name), join(dir, name));
  }
  return dir;
}

async function play(scene: Scene): Promise<Observation> {
  const { item, containers } = scene;
  const seen: Observation = {};
  const answers: CniAnswer[] = [];
  for (const index of containers.keys()) {
    const answer = await call(scene, "ADD", index);
    answers.push(answer);
    scene.results.push(answer.ok ? answer.json : undefined);
    seen[`ADD c${index + 1} succeeds`] = answer.ok;
  }
  const moment = await readMoment(scene);
  const roles = new Roles(moment, JSON.stringify(item), scene.paths);
  for (const [index, answer] of answers.entries()) {
    if (answer.ok) seen[`result c${index + 1}`] = roles.value(answer.json);
  }
  seen[item.refused ? "after refused ADD" : "after ADD"] = describe(scene, moment, roles);
  if (item.beforeTraffic !== undefined) await shell(item.beforeTraffic, { netns: containers[0] });
  if (item.traffic) seen.traffic = await observeTraffic(scene);
  await observeOtherVerbs(scene, seen, roles);
  await observeDel(scene, seen);
  return seen;
}

async function observeOtherVerbs(scene: Scene, seen: Observation, roles: Roles): Promise<void> {
  for (const [index, result] of scene.results.entries()) {
    if (result === undefined) continue;
    const check = await call(scene, "CHECK", index);
    seen[`CHECK c${index + 1} succeeds`] = check.ok;
    seen[`CHECK c${index + 1} is silent`] = check.ok && check.stdout === "";
  }
  if (scene.list.cniVersion === "1.1.0") {
    seen["GC that keeps all succeeds"] = (await call(keepingAll(scene), "GC", undefined)).ok;
  }
  if (scene.results[0] !== undefined && !scene.item.vanished) {
    seen["second ADD succeeds"] = (await call(scene, "ADD", 0)).ok;
    seen[scene.item.refused ? "after refused and second ADD" : "after second ADD"] = describe(
      scene,
      await readMoment(scene),
      roles,
    );
  }
  seen["STATUS succeeds"] = (await call(scene, "STATUS", undefined)).ok;
}

async function observeDel(scene: Scene, seen: Observation): Promise<void> {
  const { item, containers } = scene;
  if (item.stepwise) {
    const { plugins } = scene.list;
    const rest = { ...scene, list: { ...scene.list, plugins: plugins.slice(1) } };
    for (const index of containers.keys()) {
      seen[`DEL of what was added to c${index + 1} succeeds`] = (await call(rest, "DEL", index)).ok;
    }
    const moment = await readMoment(scene);
    const roles = new Roles(moment, JSON.stringify(item), scene.paths);
    seen["after DEL of what was added"] = describe(scene, moment, roles);
  }
  if (item.vanished) {
    for (const name of containers) await shell(`ip netns del ${name}`);
    // A pair dies with its namespace, a moment later: the host has its uplink alone then.
    await scene.host.shell(
      "for i in $(seq 100); do [ $(ip -o link show type veth | wc -l) = 1 ] && exit; sleep 0.05; done",
    );
  }
  for (const index of containers.keys()) {
    seen[`DEL c${index + 1} succeeds`] = (await call(scene, "DEL", index)).ok;
  }
  const moment = await readMoment(scene);
  const roles = new Roles(moment, JSON.stringify(item), scene.paths);
  seen[item.refused ? "after refused ADD and DEL" : "after DEL"] = describe(scene, moment, roles);
  for (const index of containers.keys()) {
    seen[`second DEL c${index + 1} succeeds`] = (await call(scene, "DEL", index)).ok;
  }
}

/** The scene with a list that names every container as valid. */
function keepingAll(scene: Scene): Scene {
  const ifname = scene.item.ifName ?? "eth0";
  const valid = scene.containers.map((_, i) => ({ containerID: `c${i + 1}`, ifname }));
  const keys = { "cni.dev/valid-attachments": valid, "cni.dev/attachments": valid };
  const plugins = scene.list.plugins.map((plugin) => ({ ...plugin, ...keys }));
  return { ...scene, list: { ...scene.list, plugins } };
}

function call(scene: Scene, command: CniCommand, index: number | undefined) {
  const { item, host, plugins, list } = scene;
  const isGone = item.vanished && command === "DEL";
  return callChain({
    host,
    plugins,
    command,
    list,
    containerId: index === undefined ? undefined : `c${index + 1}`,
    container: index === undefined || isGone ? undefined : scene.containers[index],
    ifName: item.ifName,
    cniArgs: item.cniArgs,
    env: item.env,
    prevResult: index === undefined ? undefined : (scene.results[index] ?? item.prevResult),
  });
}

async function readMoment(scene: Scene): Promise<Moment> {
  const alive = scene.item.vanished && scene.results.length === 0 ? [] : scene.containers;
  const [host, ...containers] = await Promise.all(
    [scene.host.netns, ...alive].map((name) => readNetns(name).catch(() => undefined)),
  );
  return { host: host!, containers: containers.filter((state) => state !== undefined) };
}

function describe(scene: Scene, moment: Moment, roles: Roles): Observation {
  const containers = moment.containers.map((state, i) => [
    `c${i + 1}`,
    normaliseState(state, roles),
  ]);
  return {
    host: normaliseState(moment.host, roles),
    ...Object.fromEntries(containers),
    files: readTree(join(scene.host.dir, "data")),
  };
}

/** Waits for duplicate address detection, so that both sides are tried with all their addresses. */
async function settle(netns: string): Promise<void> {
  await shell(
    'for i in $(seq 50); do [ -z "$(ip -6 address show tentative -dadfailed)" ] && exit; sleep 0.1; done',
    { netns },
  );
}

async function observeTraffic(scene: Scene): Promise<Observation> {
  const { host, containers } = scene;
  const ports = wantedPorts(scene.list);
  const servers = [...containers, host.netns, host.outside].map((name) => serve(host, name, ports));
  await Promise.all([...servers, ...[...containers, host.netns].map(settle)]);
  return tryTraffic({ host, containers, list: scene.list, results: scene.results });
}
