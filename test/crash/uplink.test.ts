/**
 * A plugin killed while it moves the host's network to a bridge, or back: the host keeps its
 * network at every point, and each way to go on gets to where all is as before.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Verb } from "../host/attachment.ts";
import type { PrivateHost } from "../host/private-host.ts";
import { isSampled } from "../support/sample.ts";
import { attachment, carriedBy, lan, own, unreached, uplinkHost } from "../uplink/stage.ts";
import { type Point, runUntil, trace, wasKilled } from "./points.ts";

let host: PrivateHost;
let before: string[];
const count = { points: 0, kills: 0 };

beforeAll(async () => {
  host = await uplinkHost(["crash", "other"]);
  before = await carriedBy(host, own.name);
}, 30_000);

afterAll(() => host?.close());

const crashed = () => attachment(host, "crash");
const other = () => attachment(host, "other");
const release = ["/opt/cni/bin/netloom", "uplink", "release", own.name, "--force"];

/** What a runtime, its operator, or another container does next. Each must get to clean. */
const recoveries: Readonly<Record<string, () => Promise<unknown>>> = {
  DEL: () => crashed().run("DEL"),
  GC: () => crashed().run("GC"),
  "the command, then DEL": async () => {
    await host.run(release);
    await expectBack();
    await crashed().run("DEL");
  },
  "ADD of another": async () => {
    const one = other();
    await one.run("ADD");
    await one.run("CHECK");
    await crashed().run("DEL");
    await one.run("CHECK");
    await one.run("DEL");
  },
  "ADD after DEL": async () => {
    const again = crashed();
    await again.run("DEL");
    await again.run("ADD");
    await again.run("CHECK");
    await again.run("DEL");
  },
};

async function expectBack(): Promise<void> {
  expect(await carriedBy(host, own.name)).toEqual(before);
}

async function pointsOf(verb: Verb): Promise<Point[]> {
  const one = crashed();
  if (verb === "DEL") await one.run("ADD");
  const { finished, points } = await trace(host, one.calls(verb)[0]!(one.result));
  expect(finished.exitCode).toBe(0);
  await crashed().run("DEL");
  await expectBack();
  // Settings are read by going there and back, hundreds of times, which changes nothing.
  return points.filter(({ call }) => call !== "setns");
}

/** Gives what was amiss, in words; undefined when all went well. */
async function killedAt(verb: Verb, point: Point, recovery: string): Promise<string | undefined> {
  const one = crashed();
  try {
    if (verb === "DEL") await one.run("ADD");
    if (wasKilled(await runUntil(host, one.calls(verb)[0]!(one.result), point))) count.kills++;
    const lost = await unreached(host, undefined, [lan.ipv4, lan.ipv6]);
    if (lost.length > 0) throw new Error(`the host lost ${lost.join(", ")}`);
    const cut = await unreached(host, lan.netns, [own.ipv4, own.ipv6]);
    if (cut.length > 0) throw new Error(`the LAN lost ${cut.join(", ")}`);
    await recoveries[recovery]!();
    await expectBack();
    const left = await host.run([
      "sh",
      "-c",
      "ls /var/lib/netloom/uplinks /var/lib/netloom/attachments",
    ]);
    if (left.includes("json")) throw new Error(`left ${left}`);
    await crashed().run("GC");
    const links = await host.run(["sh", "-c", "ip -o link show | grep -E 'lan0|nl' || true"]);
    if (links !== "") throw new Error(`left ${links}`);
    return undefined;
  } catch (error) {
    return `${verb}, ${point.call} ${point.nth} [${point.text}], then ${recovery}: ${error}`;
  }
}

test.each(["ADD", "DEL"] as const)(
  "%s killed at each point leaves the host its network, and is finished or reverted",
  async (verb) => {
    const names = Object.keys(recoveries);
    for (const [index, point] of (await pointsOf(verb)).entries()) {
      count.points++;
      if (!isSampled(`uplink ${verb} ${point.call} ${point.nth}`)) continue;
      expect(await killedAt(verb, point, names[index % names.length]!)).toBeUndefined();
    }
  },
  400_000,
);

test("there were enough points", () => {
  expect(count.points).toBeGreaterThanOrEqual(60);
  expect(count.kills).toBeGreaterThan(count.points / 10);
});
