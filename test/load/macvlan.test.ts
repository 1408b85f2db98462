/** Many macvlan containers at once on one parent, with one shim for all. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers } from "../host/attachment.ts";
import { macvlanNetwork } from "../host/macvlan-network.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot, switches } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import { inLanes } from "./lanes.ts";

const count = 100;
const atOnce = 12;
const network = macvlanNetwork("nlload-mv");

let host: PrivateHost;
let before: string[];
let attachments: Attachment[];

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  const ids = Array.from({ length: count }, (_, index) => `load-${index}`);
  await makeContainers(host, ids);
  before = await snapshot(host);
  attachments = ids.map((id) => new Attachment(host, network, id));
}, 60_000);

afterAll(() => host?.close());

test("100 ADDs, 12 at a time, succeed with addresses of their own, and CHECK finds them whole", async () => {
  await inLanes(attachments, atOnce, (attachment) => attachment.run("ADD"));
  const addresses = attachments.flatMap((attachment) => attachment.addresses);
  expect(new Set(addresses).size).toBe(2 * count);
  const macs = attachments.map(({ result }) => result.interfaces[0].mac);
  expect(new Set(macs).size).toBe(count);
  await inLanes(attachments, atOnce, (attachment) => attachment.run("CHECK"));
}, 180_000);

test("the host reaches the first and the last by the one shim", async () => {
  const shims = (await snapshot(host)).filter((line) => /^link nls-/.test(line));
  expect(shims).toEqual(["link nls-uplink macvlan"]);
  for (const { addresses } of [attachments[0]!, attachments.at(-1)!]) {
    for (const address of addresses) {
      await host.run(["ping", "-c", "1", "-W", "3", address.replace(/\/.*/, "")]);
    }
  }
}, 60_000);

test("DELs beside ADDs, 12 at a time, neither lose the shim nor leave it", async () => {
  const half = attachments.filter((_, index) => index % 2 === 0);
  await inLanes(half, atOnce, async (attachment) => {
    await attachment.run("DEL");
    await attachment.run("ADD");
    await attachment.run("CHECK");
  });
  await inLanes(attachments, atOnce, (attachment) => attachment.run("DEL"));
  const left = difference(before, await snapshot(host));
  expect(beyond(mayStay({ ...network, bridge: "none" }), left)).toEqual({ added: [], removed: [] });
}, 180_000);

test("GC with an empty list removes what DEL left", async () => {
  await attachments[0]!.run("GC");
  const left = difference(before, await snapshot(host));
  expect(beyond(switches, left)).toEqual({ added: [], removed: [] });
}, 60_000);
