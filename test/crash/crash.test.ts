/** A plugin killed anywhere leaves a state from which DEL, GC, or ADD after DEL, gets to clean. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers } from "../host/attachment.ts";
import { chainedNetwork, inlineNetwork } from "../host/networks.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import { killEverywhere, type Scenario } from "./scenario.ts";

const place = { name: "nlcrash", bridge: "nlcrash0", subnet: 94 };
const ports = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 5353, containerPort: 53, protocol: "udp" },
];
const networks = {
  "bridge and portmap": chainedNetwork({ ...place, ports }),
  "one plugin": inlineNetwork({ ...place, ports }),
} as const;

let host: PrivateHost;
const points = { ADD: 0, DEL: 0 };

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  await makeContainers(host, ["crash"]);
}, 30_000);

afterAll(() => host?.close());

for (const [name, network] of Object.entries(networks)) {
  const attachment = () => new Attachment(host, network, "crash");
  let clean: string[];

  test(`${name}: ADD and DEL leave nothing beyond the stated list`, async () => {
    const before = await snapshot(host);
    const whole = attachment();
    await whole.run("ADD");
    await whole.run("DEL");
    clean = await snapshot(host);
    expect(beyond(mayStay(place), difference(before, clean))).toEqual({ added: [], removed: [] });
  }, 30_000);

  for (const [verb, state, kind] of [
    ["ADD", "fresh", "changes"],
    ["ADD", "used", "changes"],
    ["DEL", "used", "all"],
  ] as const) {
    test(`${name}: ${verb} on a ${state} host, killed at each point, is cleaned up`, async () => {
      const scenario: Scenario = { verb, host: state, points: kind, attachment: attachment() };
      const outcome = await killEverywhere(scenario, clean);
      points[verb] += outcome.points;
      expect(outcome.faults).toEqual([]);
      expect(outcome.kills).toBeGreaterThan(outcome.points / 10);
    }, 300_000);
  }
}

test("there were at least 50 points in ADD and 50 in DEL", () => {
  expect(points.ADD).toBeGreaterThanOrEqual(50);
  expect(points.DEL).toBeGreaterThanOrEqual(50);
});
