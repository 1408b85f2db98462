/** Plugins that limit and isolate, killed anywhere: DEL, GC, or ADD after DEL, gets to clean. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers } from "../host/attachment.ts";
import { inlineLimitedNetwork, limitedNetwork } from "../host/networks.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import { killEverywhere } from "./scenario.ts";

const place = { name: "nllimit", bridge: "nllimit0", subnet: 97 };
const networks = {
  "bridge, firewall, bandwidth": limitedNetwork(place),
  "one plugin": inlineLimitedNetwork(place),
} as const;

let host: PrivateHost;

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  await makeContainers(host, ["limit"]);
}, 60_000);

afterAll(() => host?.close());

for (const [name, network] of Object.entries(networks)) {
  const attachment = () => new Attachment(host, network, "limit");
  let clean: string[];

  test(`${name}: ADD and DEL leave nothing beyond the stated list`, async () => {
    const before = await snapshot(host);
    const whole = attachment();
    await whole.run("ADD");
    await whole.run("CHECK");
    await whole.run("DEL");
    clean = await snapshot(host);
    expect(beyond(mayStay(place), difference(before, clean))).toEqual({ added: [], removed: [] });
  }, 60_000);

  for (const verb of ["ADD", "DEL"] as const) {
    test(`${name}: ${verb}, killed at each point, is cleaned up`, async () => {
      const scenario = { verb, host: "used", points: "changes", attachment: attachment() } as const;
      const outcome = await killEverywhere(scenario, clean);
      expect(outcome.faults).toEqual([]);
      expect(outcome.points).toBeGreaterThan(10);
      expect(outcome.kills).toBeGreaterThan(outcome.points / 10);
    }, 600_000);
  }
}
