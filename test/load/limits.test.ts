/** Many limited and isolated attachments at once, by chains and by one plugin each. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers } from "../host/attachment.ts";
import { inlineLimitedNetwork, limitedNetwork } from "../host/networks.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot, switches } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import { inLanes } from "./lanes.ts";

const count = 80;
const atOnce = 12;
const places = [
  { name: "nlcap-a", bridge: "nlcap0", subnet: 98 },
  { name: "nlcap-b", bridge: "nlcap1", subnet: 99 },
] as const;

let host: PrivateHost;
let before: string[];
let attachments: Attachment[];

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  const ids = Array.from({ length: count }, (_, index) => `cap-${index}`);
  await makeContainers(host, ids);
  before = await snapshot(host);
  const networks = [limitedNetwork(places[0]), inlineLimitedNetwork(places[1])];
  attachments = ids.map((id, index) => new Attachment(host, networks[index % 2]!, id));
}, 60_000);

afterAll(() => host?.close());

const matching = (lines: readonly string[], form: RegExp) =>
  lines.filter((line) => form.test(line)).length;

test(`${count} ADDs, ${atOnce} at a time, each with an ifb, on two isolated bridges`, async () => {
  await inLanes(attachments, atOnce, (attachment) => attachment.run("ADD"));
  const lines = await snapshot(host);
  expect(matching(lines, /^link bwp\w+ ifb$/)).toBe(count);
  const elements = (set: string) =>
    matching(lines, new RegExp(`^nft element \\w+ netloom_cni ${set} `));
  expect(elements("isolating")).toBe(2);
  expect(elements("isolated")).toBe(2);
  expect(elements("isolated_ports")).toBe(count);
}, 240_000);

test("CHECK passes while others come and go", async () => {
  const [stable, moving] = [attachments.slice(0, count / 2), attachments.slice(count / 2)];
  await Promise.all([
    inLanes(stable, 3, (attachment) => attachment.run("CHECK")),
    inLanes(moving, 6, async (attachment) => {
      await attachment.run("DEL");
      await attachment.run("ADD");
    }),
  ]);
}, 240_000);

test(`${count} DELs, ${atOnce} at a time, leave nothing beyond the stated list`, async () => {
  await inLanes(attachments, atOnce, (attachment) => attachment.run("DEL"));
  const left = difference(before, await snapshot(host));
  expect(beyond(places.flatMap(mayStay), left)).toEqual({ added: [], removed: [] });
}, 240_000);

test("GC with an empty list removes what DEL left, but for the global switches", async () => {
  for (const attachment of attachments.slice(0, 2)) await attachment.run("GC");
  const left = difference(before, await snapshot(host));
  expect(beyond(switches, left)).toEqual({ added: [], removed: [] });
}, 60_000);
