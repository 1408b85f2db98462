/** macvlan killed anywhere, with shim and guards, leaves what DEL, GC or ADD after DEL cleans. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers } from "../host/attachment.ts";
import { macvlanNetwork } from "../host/macvlan-network.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import { killEverywhere, type Scenario } from "./scenario.ts";

const network = macvlanNetwork("nlcrash-mv");
let host: PrivateHost;
let clean: string[];
const points = { ADD: 0, DEL: 0 };
const attachment = () => new Attachment(host, network, "crash");

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  await makeContainers(host, ["crash"]);
}, 30_000);

afterAll(() => host?.close());

test("ADD and DEL leave nothing beyond the stated list, and no shim", async () => {
  const before = await snapshot(host);
  const whole = attachment();
  await whole.run("ADD");
  expect(await snapshot(host)).toContain("link nls-uplink macvlan");
  await whole.run("CHECK");
  await whole.run("DEL");
  clean = await snapshot(host);
  const left = beyond(mayStay({ ...network, bridge: "none" }), difference(before, clean));
  expect(left).toEqual({ added: [], removed: [] });
}, 60_000);

for (const [verb, state, kind] of [
  ["ADD", "fresh", "changes"],
  ["ADD", "used", "changes"],
  ["DEL", "used", "all"],
] as const) {
  test(`${verb} on a ${state} host, killed at each point, is cleaned up`, async () => {
    const scenario: Scenario = { verb, host: state, points: kind, attachment: attachment() };
    const outcome = await killEverywhere(scenario, clean);
    points[verb] += outcome.points;
    expect(outcome.faults).toEqual([]);
    expect(outcome.kills).toBeGreaterThan(outcome.points / 10);
    const left = await host.run([
      "sh",
      "-c",
      "ip -n crash -o link; nsenter --net=/run/netns/crash nft list ruleset",
    ]);
    expect(left.trim().split("\n")).toHaveLength(1);
    expect(await snapshot(host)).not.toContain("link nls-uplink macvlan");
  }, 300_000);
}

test("there were at least 30 points in ADD and 15 in DEL", () => {
  expect(points.ADD).toBeGreaterThanOrEqual(30);
  expect(points.DEL).toBeGreaterThanOrEqual(15);
});
