/** Containers come and go in random order, several at a time, over both kinds of network list. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers } from "../host/attachment.ts";
import { chainedNetwork, inlineNetwork } from "../host/networks.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot } from "../host/snapshot.ts";
import { generator } from "../support/random.ts";
import { ourDir } from "../support/reference.ts";
import { inLanes } from "./lanes.ts";

/** `NETLOOM_SEED` repeats a run; `NETLOOM_CHURN` makes it longer. */
const seed = Number(process.env.NETLOOM_SEED ?? Date.now() % 1_000_000);
const operations = Number(process.env.NETLOOM_CHURN ?? 120);
const lanes = 6;
const containersPerLane = 4;
const chained = { name: "nlchurn-a", bridge: "nlchurn0", subnet: 92 };
const inline = { name: "nlchurn-b", bridge: "nlchurn1", subnet: 93 };

let host: PrivateHost;
let before: string[];
const attachments: Attachment[] = [];

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  const ids = Array.from({ length: lanes * containersPerLane }, (_, index) => `churn-${index}`);
  await makeContainers(host, ids);
  before = await snapshot(host);
  for (const [index, id] of ids.entries()) {
    const ports = [{ hostPort: 21_000 + index, containerPort: 80, protocol: "udp" }];
    const network =
      index % 2 === 0 ? chainedNetwork({ ...chained, ports }) : inlineNetwork({ ...inline, ports });
    attachments.push(new Attachment(host, network, id));
  }
}, 60_000);

afterAll(() => host?.close());

test(
  `random ADDs, DELs, CHECKs and repeated DELs succeed (seed ${seed}), and all addresses in use differ`,
  async () => {
    const held = new Set<string>();
    const step = async (attachment: Attachment, random: () => number) => {
      if (attachment.result === undefined) {
        await attachment.run(random() < 0.85 ? "ADD" : "DEL");
        for (const address of attachment.addresses) {
          expect(held.has(address)).toBe(false);
          held.add(address);
        }
      } else if (random() < 0.25) {
        await attachment.run("CHECK");
      } else {
        // Another ADD may get the address as soon as DEL has begun.
        for (const address of attachment.addresses) held.delete(address);
        await attachment.run("DEL");
      }
    };
    // A container belongs to one lane: a runtime never runs two verbs for one at once.
    const numbers = Array.from({ length: lanes }, (_, lane) => lane);
    await inLanes(numbers, lanes, async (lane) => {
      const random = generator(seed + lane);
      for (let done = 0; done < operations / lanes; done++) {
        const choice = lane * containersPerLane + Math.floor(random() * containersPerLane);
        await step(attachments[choice]!, random);
      }
    });
  },
  60_000 + operations * 500,
);

test("once all are detached nothing is left beyond the stated list", async () => {
  await inLanes(attachments, lanes, (attachment) => attachment.run("DEL"));
  const allowed = [...mayStay(chained), ...mayStay(inline)];
  const left = difference(before, await snapshot(host));
  expect(beyond(allowed, left)).toEqual({ added: [], removed: [] });
}, 60_000);
