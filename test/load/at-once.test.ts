/** Calls that a runtime should not make at once, or that meet by chance, harm nobody. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers, type Network } from "../host/attachment.ts";
import { bridgeNetwork, inlineNetwork } from "../host/networks.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";

const fixed: Network = {
  name: "nlonce-static",
  bridge: "nlonce0",
  plugins: [
    {
      type: "bridge",
      bridge: "nlonce0",
      isGateway: true,
      ipMasq: true,
      ipam: { type: "static", addresses: [{ address: "10.94.0.9/24" }] },
    },
  ],
};
const ports = [{ hostPort: 23_000, containerPort: 80, protocol: "tcp" }];
const busy = inlineNetwork({ name: "nlonce-busy", bridge: "nlonce1", subnet: 95, ports });
const idle = bridgeNetwork({ name: "nlonce-idle", bridge: "nlonce2", subnet: 96 });

let host: PrivateHost;
let before: string[];

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  await makeContainers(host, ["once"]);
  before = await snapshot(host);
}, 60_000);

afterAll(() => host?.close());

async function expectCleanHost(): Promise<void> {
  const allowed = [fixed, busy, idle].flatMap(mayStay);
  const left = difference(before, await snapshot(host));
  expect(beyond(allowed, left)).toEqual({ added: [], removed: [] });
}

test("of several ADDs of one container at once one succeeds, and its attachment is whole", async () => {
  for (let round = 0; round < 4; round++) {
    const attachments = Array.from({ length: 4 }, () => new Attachment(host, fixed, "once"));
    const ended = await Promise.allSettled(attachments.map((one) => one.run("ADD")));
    const refusals = ended.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(refusals.length).toBe(3);
    for (const { message } of refusals) {
      expect(message).toMatch(/Cannot create link \\"eth0\\" in .*: it exists already/);
    }
    const winner = attachments.find(({ result }) => result !== undefined)!;
    await winner.run("CHECK");
    await winner.run("DEL");
  }
  await expectCleanHost();
}, 60_000);

test("GC of one network does not disturb an ADD to another", async () => {
  const attachment = new Attachment(host, busy, "once");
  const collector = new Attachment(host, idle, "once");
  let isDone = false;
  const collecting = (async () => {
    while (!isDone) await collector.run("GC");
  })();
  try {
    for (let round = 0; round < 12; round++) {
      await attachment.run("ADD");
      await attachment.run("CHECK");
      await attachment.run("DEL");
    }
  } finally {
    isDone = true;
    await collecting;
  }
  await expectCleanHost();
}, 60_000);
