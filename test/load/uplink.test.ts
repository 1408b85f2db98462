/** First ADDs race with last DELs on one uplink, and the host's traffic goes on. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { PrivateHost } from "../host/private-host.ts";
import { shown, startEcho, underTraffic } from "../uplink/probe.ts";
import { attachment, carriedBy, lan, own, unreached, uplinkHost } from "../uplink/stage.ts";
import { inLanes } from "./lanes.ts";

const atOnce = 16;
const rounds = 4;
const ids = Array.from({ length: atOnce }, (_, i) => `race${i}`);
const ends = { lan: lan.netns, inside: own, outside: lan };

let host: PrivateHost;
let before: string[];

beforeAll(async () => {
  host = await uplinkHost(ids);
  before = await carriedBy(host, own.name);
  await startEcho(host, ends);
}, 60_000);

afterAll(() => host?.close());

test(`${atOnce} containers come and go at once, ${rounds} times each, and all is as before`, async () => {
  const faults: string[] = [];
  const { outward, inward } = await underTraffic(host, ends, async () => {
    await inLanes(ids, atOnce, async (id) => {
      for (let round = 0; round < rounds; round++) {
        const one = attachment(host, id);
        await one.run("ADD");
        await one.run("CHECK").catch((error: Error) => faults.push(error.message));
        const lost = await unreached(host, id, [lan.ipv4, lan.ipv6]);
        if (lost.length > 0) faults.push(`${id} does not reach ${lost.join(", ")}`);
        await one.run("DEL");
      }
    });
  });
  console.log([shown("outward", outward), shown("inward", inward)].join("\n"));
  expect(faults).toEqual([]);
  for (const flows of [outward, inward]) {
    for (const name of ["udp4", "udp6"]) expect(flows[name]!.gapMs).toBeLessThan(100);
    for (const name of ["tcp4", "tcp6"]) expect(flows[name]!.lost).toBe(0);
  }
  expect(await carriedBy(host, own.name)).toEqual(before);
  expect(
    await host.run(["ls", "/var/lib/netloom/uplinks", "/var/lib/netloom/attachments"]),
  ).not.toContain("json");
}, 240_000);

test("moves one after the other, each the last's opposite, cut nothing off", async () => {
  const { outward, inward } = await underTraffic(host, ends, async () => {
    for (let round = 0; round < 10; round++) {
      const one = attachment(host, ids[0]!);
      await one.run("ADD");
      await one.run("DEL");
    }
  });
  console.log([shown("outward", outward), shown("inward", inward)].join("\n"));
  for (const flows of [outward, inward]) {
    for (const name of ["udp4", "udp6"]) expect(flows[name]!.gapMs).toBeLessThan(100);
    for (const name of ["tcp4", "tcp6"]) expect(flows[name]!.lost).toBe(0);
  }
  expect(await carriedBy(host, own.name)).toEqual(before);
}, 120_000);
