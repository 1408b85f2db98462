/** Hosts' prefixes in a store: whose a part of a subnet is, though several ask at once. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Host, type IPBlock, kinds } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import type { ApiError } from "../../api/status-error.ts";
import { leaseBlock } from "../../ipam/block-lease.ts";
import { formatPrefix, parsePrefix } from "../../lib/prefix.ts";
import { openSqlite } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { keyOf } from "./keys.ts";
import { nodePrefixesOf } from "./node-prefixes.ts";
import { Objects } from "./objects.ts";

const kindOf = (name: string) => kinds.find(({ kind }) => kind === name)!;
const manager = "test";
const pods = { namespace: "default", name: "pods" };
let folder: string;
let store: Store;
let objects: Objects;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "netloom-prefixes-"));
  store = openSqlite(join(folder, "store.db"));
  objects = new Objects(store);
  await create("Namespace", { name: "default" }, {});
  await create("Network", { namespace: "default", name: "blue" }, { type: "bridge" });
  await create("Subnet", pods, { network: "blue", cidr: "10.1.0.0/16" });
  const six = { namespace: "default", name: "six" };
  await create("Subnet", six, { network: "blue", cidr: "fd00:1::/48" });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

function create(kind: string, metadata: object, spec: object): Promise<ApiObject> {
  const apiVersion = kind === "Namespace" ? "v1" : "netloom.dev/v1alpha1";
  const object = { apiVersion, kind, metadata, spec } as unknown as ApiObject;
  return objects.create(kindOf(kind), object, { manager });
}
const host = (name: string, ...cidrs: string[]) =>
  create("Host", { name }, cidrs.length > 0 ? { prefixes: of(...cidrs) } : {});
const of = (...cidrs: string[]) =>
  cidrs.map((cidr) => ({ subnet: `default/${cidr.includes(":") ? "six" : "pods"}`, cidr }));
const change = (name: string, prefixes: object[] | undefined) =>
  objects.update(
    kindOf("Host"),
    { name },
    (live) => ({ ...live, spec: { ...(live as Host).spec, prefixes } }) as ApiObject,
    { manager },
  );
const refusal = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "none",
    (error: ApiError) => `${error.reason}: ${error.message}`,
  );
const known = async (subnet = "pods") =>
  (await nodePrefixesOf(store, keyOf(kindOf("Subnet"), { ...pods, name: subnet }))).map(
    ({ host: name, cidr }) => `${name} ${formatPrefix(cidr)}`,
  );

describe("hosts' prefixes", () => {
  test("are found by subnet, in both families, as they come and go", async () => {
    await host("a", "10.1.4.0/24", "10.1.9.0/25", "fd00:1:0:4::/64");
    await host("b", "10.1.5.0/24");
    expect(await known()).toEqual(["a 10.1.4.0/24", "a 10.1.9.0/25", "b 10.1.5.0/24"]);
    expect(await known("six")).toEqual(["a fd00:1:0:4::/64"]);
    await change("a", of("10.1.4.0/24", "10.1.6.0/24"));
    expect(await known()).toEqual(["a 10.1.4.0/24", "a 10.1.6.0/24", "b 10.1.5.0/24"]);
    expect(await known("six")).toEqual([]);
    await change("a", undefined);
    expect(await known()).toEqual(["b 10.1.5.0/24"]);
  });

  test("are refused where they can't be a host's, with their path and why", async () => {
    await host("b", "10.1.4.0/23");
    const table: [object[], string][] = [
      [
        of("10.1.8.0/24", "10.1.5.0/24"),
        'spec.prefixes[1].cidr: Invalid value: "10.1.5.0/24": 10.1.5.0/24 overlaps 10.1.4.0/23 of ' +
          'host "b" in subnet "default/pods": take another one',
      ],
      [of("10.1.0.0/16"), '10.1.0.0/16 overlaps 10.1.4.0/23 of host "b"'],
      [
        of("10.2.0.0/24"),
        'spec.prefixes[0].cidr: Invalid value: "10.2.0.0/24": 10.2.0.0/24 is not in 10.1.0.0/16',
      ],
      [of("10.1.8.0/27"), "10.1.8.0/27 is smaller than a block (/26)"],
      [of("fd00:1::/124"), "fd00:1::/124 is smaller than a block (/122)"],
      [of("10.1.8.0/24", "10.1.8.0/25"), "spec.prefixes[1].cidr"],
      [of("10.1.8.0/24", "10.1.8.0/25"), "overlaps prefixes[0]: leave out the smaller one"],
      [[{ subnet: "default/none", cidr: "10.1.8.0/24" }], 'no Subnet "default/none"'],
      [[{ subnet: "pods", cidr: "10.1.8.0/24" }], "must be namespace/name"],
      [of("10.1.8.1/24"), "spec.prefixes[0].cidr"],
    ];
    for (const [prefixes, why] of table) {
      const answer = await refusal(create("Host", { name: "a" }, { prefixes }));
      expect(answer).toStartWith("Invalid: ");
      expect(answer).toContain(why);
    }
    expect(await known()).toEqual(["b 10.1.4.0/23"]);
  });

  test("that overlap are one host's alone, though many hosts ask at once", async () => {
    const names = ["a", "b", "c", "d"];
    for (const name of names) await host(name);
    const cidrs = ["10.1.4.0/24", "10.1.4.0/22", "10.1.4.64/26", "10.1.0.0/20"];
    const asked = names.map((name, i) => refusal(change(name, of(cidrs[i]!))));
    const made = cidrs.map((cidr, i) => refusal(host(`new${i}`, cidr)));
    const answers = await Promise.all([...asked, ...made]);
    expect(answers.filter((answer) => answer === "none")).toHaveLength(1);
    expect(await known()).toHaveLength(1);
  });

  test("of subnets that overlap in other networks stand beside one another", async () => {
    await create("Network", { namespace: "default", name: "red" }, { type: "bridge" });
    const red = { namespace: "default", name: "red" };
    await create("Subnet", red, { network: "red", cidr: "10.1.0.0/16" });
    await host("a", "10.1.4.0/24");
    await create(
      "Host",
      { name: "b" },
      { prefixes: [{ subnet: "default/red", cidr: "10.1.4.0/24" }] },
    );
    expect([await known(), await known("red")]).toEqual([["a 10.1.4.0/24"], ["b 10.1.4.0/24"]]);
  });

  test("go with their host, and leave nothing", async () => {
    await host("a", "10.1.4.0/24");
    await objects.delete(kindOf("Host"), { name: "a" });
    const live = (await objects.get(kindOf("Host"), { name: "a" })) as Host;
    await objects.update(
      kindOf("Host"),
      { name: "a" },
      () => ({ ...live, metadata: { ...live.metadata, finalizers: [] } }),
      { manager },
    );
    expect(await known()).toEqual([]);
    expect(await refusal(host("b", "10.1.4.0/24"))).toBe("none");
  });
});

describe("a block", () => {
  const lease = (name: string, cidr: string) => {
    const block = leaseBlock(pods, parsePrefix(cidr), { host: name, lease: crypto.randomUUID() });
    return refusal(create("IPBlock", { name: block.name }, block.spec));
  };

  test("is leased to no host where another's prefix is, nor beside its own", async () => {
    await host("a", "10.1.4.0/24");
    await host("b");
    expect(await lease("b", "10.1.4.64/26")).toStartWith("Conflict: ");
    expect(await lease("a", "10.1.5.0/26")).toStartWith("Conflict: ");
    expect(await lease("a", "10.1.4.64/26")).toBe("none");
    expect(await lease("b", "10.1.5.0/26")).toBe("none");
    expect(await lease("", "10.1.4.128/26")).toBe("none");
  });

  test("and a prefix that are made at once leave none in it that was leased after", async () => {
    for (let i = 0; i < 20; i++) {
      const cidr = `10.1.${100 + i}.0/26`;
      await host(`a${i}`);
      await host(`b${i}`);
      const [leased, given] = await Promise.all([
        lease(`b${i}`, cidr),
        refusal(change(`a${i}`, of(cidr))),
      ]);
      expect(given).toBe("none");
      if (leased !== "none") continue;
      // The block came first, and is to be recalled.
      const entry = await objects.get(kindOf("IPBlock"), { name: blockNameOf(cidr) });
      const owner = await objects.get(kindOf("Host"), { name: `a${i}` });
      const revision = ({ metadata }: ApiObject) => Number(metadata.resourceVersion);
      expect(revision(entry as IPBlock)).toBeLessThan(revision(owner));
    }
  });
  const blockNameOf = (cidr: string) => `default.pods.${cidr.replaceAll(/[./]/g, "-")}`;
});

test("a subnet goes although hosts have prefixes of it", async () => {
  await host("a", "10.1.4.0/24");
  const { gone } = await objects.delete(kindOf("Subnet"), pods);
  // Once the collector took them from the hosts.
  expect(gone).toBe(false);
  expect(await refusal(host("b", "10.1.5.0/24"))).toContain("is being deleted");
});
