/** Kills a verb at its points in turn, recovers each time, and says what was left. */
import { type Attachment, makeContainers, type Verb } from "../host/attachment.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { beyond, bridgeLines, difference, snapshot } from "../host/snapshot.ts";
import { isSampled } from "../support/sample.ts";
import { type Point, type PointKind, runUntil, trace, wasKilled } from "./points.ts";

export interface Scenario {
  readonly verb: "ADD" | "DEL";
  readonly attachment: Attachment;
  /** Whether bridge, tables and directories are there already when the verb begins. */
  readonly host: "used" | "fresh";
  readonly points: PointKind;
}

export interface Outcome {
  /** At how many points it may be killed; at a third of them it was, at all in a whole run. */
  readonly points: number;
  /** How many times the plugin was killed. */
  readonly kills: number;
  /** In words: where it was killed, what was tried, what was left. */
  readonly faults: readonly string[];
}

/** What a runtime, or its operator, does after a crash. Each must get to clean. */
const recoveries: Readonly<Record<string, readonly Verb[]>> = {
  DEL: ["DEL"],
  "ADD after DEL": ["DEL", "ADD", "CHECK", "DEL"],
  GC: ["GC"],
};

/** `clean` is what the host holds after a whole ADD and DEL. */
export async function killEverywhere(
  scenario: Scenario,
  clean: readonly string[],
): Promise<Outcome> {
  const { attachment } = scenario;
  const faults: string[] = [];
  let kills = 0;
  const chain = await pointsOfChain(scenario);
  const names = Object.keys(recoveries);
  for (const [plugin, points] of chain.entries()) {
    for (const [index, point] of points.entries()) {
      const recovery = names[(index + plugin) % names.length]!;
      const fault = async (what: string) => {
        faults.push(`${where}: ${what} [${point.text}]`);
        await startOver(attachment);
      };
      const where = `${scenario.verb}, plugin ${plugin}, ${point.call} ${point.nth}, then ${recovery}`;
      if (!isSampled(`${attachment.network.name} ${scenario.host} ${where}`)) continue;
      try {
        await begin(scenario);
        if (await killAt(attachment, scenario.verb, { plugin, point })) kills++;
        for (const verb of recoveries[recovery]!) await attachment.run(verb);
        const now = difference(clean, await snapshot(attachment.host));
        const { added } = beyond(bridgeLines(attachment.network.bridge), now);
        if (added.length > 0) await fault(`left ${added.join("; ")}`);
      } catch (error) {
        await fault((error as Error).message);
      }
      attachment.result = undefined;
    }
  }
  return { points: chain.flat().length, kills, faults };
}

/** The points of each plugin of the chain, from a run that nothing interrupts. */
async function pointsOfChain(scenario: Scenario): Promise<Point[][]> {
  const { attachment, verb } = scenario;
  await begin(scenario);
  let previous: unknown = attachment.result;
  const chain: Point[][] = [];
  for (const prepare of attachment.calls(verb)) {
    const { finished, points } = await trace(attachment.host, prepare(previous), scenario.points);
    if (finished.exitCode !== 0) throw new Error(`Cannot trace ${verb}: ${finished.stdout}`);
    if (verb === "ADD") previous = JSON.parse(finished.stdout);
    chain.push(points);
  }
  attachment.result = undefined;
  await attachment.run("DEL");
  return chain;
}

async function begin({ attachment, verb, host }: Scenario): Promise<void> {
  attachment.result = undefined;
  if (host === "fresh") await makeFresh(attachment.host, attachment.network.bridge);
  if (verb === "DEL") await attachment.run("ADD");
}

/** Takes away what may stay after a network's last DEL, as if no plugin had ever run. */
async function makeFresh(host: PrivateHost, bridge: string): Promise<void> {
  const dirs = "/var/lib/cni/networks /var/lib/netloom/* /run/netloom";
  const script = `ip link delete ${bridge} 2>/dev/null; nft flush ruleset; rm -rf ${dirs}`;
  await host.run(["sh", "-c", script]);
}

/** What one crash left is not the next one's fault. */
async function startOver({ host, network, containerId }: Attachment): Promise<void> {
  await host.run(["ip", "netns", "delete", containerId]);
  await makeContainers(host, [containerId]);
  await makeFresh(host, network.bridge);
}

/** Runs the chain up to the point. Gives whether the plugin was killed there. */
async function killAt(
  attachment: Attachment,
  verb: Verb,
  target: { plugin: number; point: Point },
): Promise<boolean> {
  let previous: unknown = attachment.result;
  for (const [index, prepare] of attachment.calls(verb).entries()) {
    const call = prepare(previous);
    if (index === target.plugin) {
      return wasKilled(await runUntil(attachment.host, call, target.point));
    }
    const finished = await attachment.host.attempt(call.command, call);
    if (finished.exitCode !== 0) throw new Error(`${verb} failed: ${finished.stdout}`);
    if (verb === "ADD") previous = JSON.parse(finished.stdout);
  }
  return false;
}
