/** Which blocks a host asks for, and which it gives back. */

import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Subnet } from "../../api/kinds/index.ts";
import { initialEventsEnd, type WatchEvent } from "../../api/node-spec.ts";
import { silentLog } from "../../lib/log.ts";
import { NodeSpec } from "../spec/node-spec.ts";
import { Addresses } from "./addresses.ts";
import { BlockFolder } from "./block-folder.ts";
import { returnSurplus, shortSubnets } from "./stock.ts";

const name = { namespace: "default", name: "blue" };
const subnet = {
  ...{ apiVersion: "netloom.dev/v1alpha1", kind: "Subnet" },
  metadata: { ...name, uid: "u", resourceVersion: "1" },
  spec: { network: "blue", cidr: "10.1.0.0/24" },
} as unknown as Subnet;
const end = {
  type: "BOOKMARK",
  object: { metadata: { resourceVersion: "2", annotations: { [initialEventsEnd]: "true" } } },
} as unknown as WatchEvent;
const block = (cidr: string) => ({
  ...{ name: `default.blue.${cidr.replace(/[./]/g, "-")}`, subnet: name, cidr, lease: cidr },
  ...{ recalled: false, claims: [] },
});

let folder: string;
let stocked: { spec: NodeSpec; addresses: Addresses };
const hear = (revision: number, ...cidrs: string[]) =>
  stocked.addresses.heed({ revision, boot: "b1", blocks: cidrs.map(block) }, () => []);
const stages = () => stocked.addresses.blocks.map(({ stage }) => stage);

beforeEach(() => {
  folder = mkdtempSync(`${tmpdir()}/netloom-stock-`);
  const spec = new NodeSpec();
  spec.begin();
  spec.apply({ type: "ADDED", object: subnet });
  spec.apply(end);
  const addresses = new Addresses(new BlockFolder(folder, silentLog), { spec, boot: "b1" });
  stocked = { spec, addresses };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("one idle block is kept, the second goes back", () => {
  hear(2, "10.1.0.64/26", "10.1.0.128/26");
  expect(returnSurplus(stocked)).toBe(true);
  expect(stages().sort()).toEqual(["giving", "returned"]);
  expect(returnSurplus(stocked)).toBe(false);
});

test("a block of which few addresses are left asks for another", () => {
  hear(2, "10.1.0.64/26");
  const give = (count: number, from = 0) => {
    for (let i = from; i < from + count; i++) {
      stocked.addresses.give({ subnet }, { owner: `c${i}/eth0` });
    }
  };
  give(60);
  expect(shortSubnets(stocked)).toEqual([]);
  give(1, 60);
  expect(shortSubnets(stocked)).toEqual(["default/blue"]);
});

test("what was given is on disk, and the next holder gives it to nobody else", () => {
  hear(2, "10.1.0.64/26");
  const first = stocked.addresses.give({ subnet }, { owner: "c1/eth0" });
  const again = new Addresses(new BlockFolder(folder, silentLog), {
    spec: stocked.spec,
    boot: "b1",
  });
  expect(again.give({ subnet }, { owner: "c1/eth0" })).toBe(first);
  expect(again.give({ subnet }, { owner: "c2/eth0" })).not.toBe(first);
  again.free("c1/eth0");
  expect(again.heldBy("c1/eth0")).toEqual([]);
});

test("blocks of a subnet that is gone go back", () => {
  hear(2, "10.1.0.64/26");
  stocked.spec.apply({ type: "DELETED", object: subnet });
  expect(returnSurplus(stocked)).toBe(true);
  expect(stages()).toEqual(["returned"]);
});
