/** Many attachments at once on one bridge: none fails, none gets another's address. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Attachment, makeContainers } from "../host/attachment.ts";
import { chainedNetwork } from "../host/networks.ts";
import { PrivateHost } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot, switches } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import { inLanes } from "./lanes.ts";

const count = 200;
const atOnce = 16;
const place = { name: "nlload", bridge: "nlload0", subnet: 91 };

let host: PrivateHost;
let before: string[];
let attachments: Attachment[];

beforeAll(async () => {
  host = await PrivateHost.start();
  await host.installPlugins(ourDir());
  const ids = Array.from({ length: count }, (_, index) => `load-${index}`);
  await makeContainers(host, ids);
  before = await snapshot(host);
  attachments = ids.map((id, index) => {
    const ports = [{ hostPort: 20_000 + index, containerPort: 80, protocol: "tcp" }];
    return new Attachment(host, chainedNetwork({ ...place, ports }), id);
  });
}, 60_000);

afterAll(() => host?.close());

test("200 ADDs, 16 at a time, succeed with addresses of their own", async () => {
  await inLanes(attachments, atOnce, (attachment) => attachment.run("ADD"));
  const addresses = attachments.flatMap((attachment) => attachment.addresses);
  expect(addresses).toHaveLength(2 * count);
  expect(new Set(addresses).size).toBe(2 * count);
}, 120_000);

test("each container has what its result says, and rules do not grow with containers", async () => {
  const lines = await snapshot(host);
  expect(lines.filter((line) => /^link \S+ veth$/.test(line))).toHaveLength(count + 1); // uplink
  expect(lines.filter((line) => line.startsWith("nft rule")).length).toBeLessThan(100);
  const inside = await host.run([
    "sh",
    "-c",
    "for id; do nsenter --net=/run/netns/$id ip -o address show dev eth0 scope global; done",
    "sh",
    ...attachments.map(({ containerId }) => containerId),
  ]);
  const found = [...inside.matchAll(/inet6? (\S+)/g)].map(([, address]) => address!);
  expect(found.sort()).toEqual(attachments.flatMap(({ addresses }) => addresses).sort());
}, 60_000);

test("200 DELs, 16 at a time, leave nothing beyond the stated list", async () => {
  await inLanes(attachments, atOnce, (attachment) => attachment.run("DEL"));
  const left = difference(before, await snapshot(host));
  expect(beyond(mayStay(place), left)).toEqual({ added: [], removed: [] });
}, 120_000);

test("GC with an empty list removes what DEL left, but for the global switches", async () => {
  await attachments[0]!.run("GC");
  const left = difference(before, await snapshot(host));
  expect(beyond(switches, left)).toEqual({ added: [], removed: [] });
}, 60_000);
