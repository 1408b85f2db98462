/** What reconcilers make of hosts' prefixes: leases, recalls, conditions, and new prefixes. */
import { describe, expect, test } from "bun:test";
import type { Host, IPBlock } from "../../api/kinds/index.ts";
import { type Any, manager, reconciled, until } from "./reconcile-fixture.ts";
import { kindOf } from "./reconciler.ts";

const { world, create, all, one, status, network, host, restored } = reconciled();

const subnet = "default/a";
const setPrefixes = (name: string, ...cidrs: string[]) =>
  world.objects.update(
    kindOf("Host"),
    { name },
    (live) => {
      const sent = { ...live, spec: { prefixes: cidrs.map((cidr) => ({ subnet, cidr })) } };
      return world.objects.changed(kindOf("Host"), live, { sent: sent as never });
    },
    { manager },
  );
const want = (name: string, subnets = [subnet]) => status("Host", name, { wantedBlocks: subnets });
const blocksOf = async (name: string) =>
  ((await all("IPBlock")) as IPBlock[]).filter(({ spec }) => spec.host === name);
const leasedTo = (name: string) =>
  until(async () => {
    const blocks = await blocksOf(name);
    return blocks.length > 0 && blocks;
  });
const conditionOf = (object: Any | undefined, type: string) =>
  object?.status?.conditions?.find((each: { type: string }) => each.type === type);
const told = (name: string, type: string, reason: string) =>
  until(async () => {
    const condition = conditionOf(await one("Host", name), type);
    return condition?.reason === reason && condition;
  });

/** The holder tells who has addresses, and in which stage the block is. */
async function report({ metadata }: IPBlock, stage: string, ...held: string[]): Promise<void> {
  const live = (await one("IPBlock", metadata.name)) as IPBlock;
  const last = live.status?.allocation as { readonly sequence: number } | undefined;
  const sequence = (last?.sequence ?? 0) + 1;
  const owners = Object.fromEntries(held.map((address) => [address, { owner: `${address}/eth0` }]));
  const { subnet: of, cidr, lease } = live.spec;
  const state = { block: metadata.name, subnet: of, cidr, lease, stage, sequence, held: owners };
  const allocation = { ...state, boot: "b1", revision: 1, rested: {}, refused: {} };
  await status("IPBlock", metadata.name, { allocation });
}

describe("a host with prefixes", () => {
  test("is leased blocks of these alone, and no other host is", async () => {
    await network();
    await host("one");
    await host("two");
    await setPrefixes("one", "10.1.0.64/26");
    await want("one");
    expect((await leasedTo("one")).map(({ spec }) => spec.cidr)).toEqual(["10.1.0.64/26"]);
    await report((await blocksOf("one"))[0]!, "giving");
    for (const cidr of ["10.1.0.0/26", "10.1.0.128/26", "10.1.0.192/26"]) {
      await want("two");
      const block = await until(async () =>
        (await blocksOf("two")).find(({ spec }) => spec.cidr === cidr),
      );
      // It is full, so that the next is wanted.
      const first = cidr.split(".")[3]!.split("/")[0]!;
      const held = Array.from({ length: 64 }, (_, i) => `10.1.0.${Number(first) + i}`);
      await report(block, "giving", ...held);
    }
    await want("two");
    await told("one", "PrefixesSettled", "Settled");
    expect(await blocksOf("two")).toHaveLength(3);
  });

  test("gets addresses for its ports in them, and where all are held its ports say so", async () => {
    await network();
    await host("one");
    await setPrefixes("one", "10.1.0.64/26");
    await create("Port", { name: "elsewhere" }, { network: "blue" });
    const port = await until(async () => {
      const found = await one("Port", "elsewhere");
      return found?.status?.addresses?.[0] && found;
    });
    expect(port.status.addresses[0].address).toMatch(/^10\.1\.0\.[1-5]?[0-9]$/);
    await want("one");
    const [block] = await leasedTo("one");
    const held = Array.from({ length: 64 }, (_, i) => `10.1.0.${64 + i}`);
    await report(block!, "giving", ...held);
    await create("Port", { name: "web" }, { network: "blue", host: "one" });
    await status("Port", "web", { wantedAddresses: ["a"] });
    const message = await until(
      async () => conditionOf(await one("Port", "web"), "Addressed")?.message,
    );
    expect(message).toBe(
      'Host "one" has no free address for it in 10.1.0.64/26, its own of subnet "a": add a prefix ' +
        "to the host's spec.prefixes, or delete ports there",
    );
  });

  test("leaves an address of them to a port that asks for it by fixedIps", async () => {
    await network();
    await host("one");
    await setPrefixes("one", "10.1.0.64/26");
    await create(
      "Port",
      { name: "fixed" },
      { network: "blue", fixedIps: [{ address: "10.1.0.70" }] },
    );
    await until(async () => (await one("Port", "fixed"))?.status?.addresses?.length === 1);
    await want("one");
    const [block] = await leasedTo("one");
    expect(block!.spec).toMatchObject({
      cidr: "10.1.0.64/26",
      claims: [expect.objectContaining({ address: "10.1.0.70" })],
    });
  });
});

describe("a prefix that is given later", () => {
  test("has others' blocks in it recalled, and says which addresses are still in use", async () => {
    await network();
    await host("one");
    await host("two");
    await want("two");
    const [block] = await leasedTo("two");
    await report(block!, "giving", "10.1.0.5");
    await setPrefixes("one", "10.1.0.0/25");
    await until(async () => (await blocksOf("two"))[0]?.spec.recalled);
    const { message } = await told("one", "PrefixesSettled", "InUse");
    expect(message).toContain(`1 of host "two"'s block 10.1.0.0/26`);
    // A block that gives nothing more serves nobody: who wants one gets another.
    await report(block!, "recalled", "10.1.0.5");
    await want("two");
    await until(async () => (await blocksOf("two")).length === 2);
    expect((await blocksOf("two")).map(({ spec }) => spec.cidr)).toEqual([
      ...["10.1.0.0/26", "10.1.0.128/26"],
    ]);
    await want("two", []);
    await report(block!, "returned");
    await told("one", "PrefixesSettled", "Settled");
  });

  test("has its host's own blocks beside it recalled", async () => {
    await network();
    await host("one");
    await want("one");
    const [block] = await leasedTo("one");
    await report(block!, "giving", "10.1.0.5", "10.1.0.6");
    await want("one", []);
    await setPrefixes("one", "10.1.0.128/26");
    const { message } = await told("one", "PrefixesSettled", "InUse");
    expect(message).toContain("2 of its own block 10.1.0.0/26");
    expect((await blocksOf("one"))[0]!.spec.recalled).toBe(true);
    // Taken away before the block came back: who wants one gets it all the same.
    await setPrefixes("one");
    await until(async () => !conditionOf(await one("Host", "one"), "PrefixesSettled"));
    await want("one");
    await until(async () => (await blocksOf("one")).length === 2);
  });
});

test("a subnet that goes takes hosts' prefixes of it along, and hosts stay", async () => {
  await network();
  await host("one");
  await setPrefixes("one", "10.1.0.64/26");
  const { gone } = await world.objects.delete(kindOf("Subnet"), {
    ...{ namespace: "default", name: "a" },
  });
  expect(gone).toBe(false);
  await until(async () => (await all("Subnet")).length === 0);
  const left = (await one("Host", "one")) as Host;
  expect(left.spec.prefixes).toBeUndefined();
  expect(left.metadata.deletionTimestamp).toBeUndefined();
  expect((await world.store.list("/referrers/netloom.dev/subnets/")).entries).toEqual([]);
  expect((await world.store.list("/turns/prefixes")).entries).toEqual([]);
});

describe("a subnet that is cut by host", () => {
  const cut = (nodePrefixLength: number | undefined, more: object = {}) =>
    world.objects.update(
      kindOf("Subnet"),
      { namespace: "default", name: "a" },
      (live) => {
        const sent = { ...live, spec: { ...(live.spec as object), nodePrefixLength, ...more } };
        return world.objects.changed(kindOf("Subnet"), live, { sent: sent as never });
      },
      { manager },
    );
  const prefixesOf = async (name: string) =>
    ((await one("Host", name)) as Host).spec.prefixes?.map(({ cidr }) => cidr);
  const has = (name: string, cidr: string) =>
    until(async () => (await prefixesOf(name))?.[0] === cidr);

  test("gives each host that has the network one prefix, until none is left", async () => {
    await network();
    await host("one");
    await cut(26);
    await has("one", "10.1.0.0/26");
    await host("two");
    await has("two", "10.1.0.64/26");
    await host("three");
    await has("three", "10.1.0.128/26");
    await setPrefixes("three", "10.1.0.128/25");
    await host("four");
    const { message } = await told("four", "PrefixesAssigned", "Exhausted");
    expect(message).toStartWith('No prefix is left for it in subnet "default/a"');
    const ofSubnet = await until(async () => {
      const condition = conditionOf(await one("Subnet", "a"), "PrefixesAssigned");
      return condition?.status === "False" && condition;
    });
    expect(ofSubnet.message).toStartWith('No /26 is left for "four": set a longer');
    // What another gives back is had by who waits.
    await setPrefixes("three", "10.1.0.192/26");
    await has("four", "10.1.0.128/26");
    await told("four", "PrefixesAssigned", "Assigned");
    await until(
      async () => conditionOf(await one("Subnet", "a"), "PrefixesAssigned")?.status === "True",
    );
    await cut(undefined);
    await until(async () => !conditionOf(await one("Subnet", "a"), "PrefixesAssigned"));
    expect(await prefixesOf("four")).toEqual(["10.1.0.128/26"]);
  });

  test("gives a newcomer none that another has in a restored store", async () => {
    await network();
    await cut(26);
    await host("one");
    await has("one", "10.1.0.0/26");
    const objects = await restored();
    const newcomer = { apiVersion: "netloom.dev/v1alpha1", kind: "Host", spec: {} };
    await objects.create(kindOf("Host"), { ...newcomer, metadata: { name: "two" } } as never, {
      manager,
    });
    const cidrs = async (name: string) =>
      ((await objects.get(kindOf("Host"), { name })) as Host).spec.prefixes?.map(
        ({ cidr }) => cidr,
      );
    await until(async () => (await cidrs("two"))?.[0] === "10.1.0.64/26");
    expect(await cidrs("one")).toEqual(["10.1.0.0/26"]);
  });

  test("leases no block to a host before it has its prefix", async () => {
    await network();
    await cut(26);
    await host("one");
    await want("one");
    const [block] = await leasedTo("one");
    expect(block!.spec.cidr).toBe("10.1.0.0/26");
    expect(await prefixesOf("one")).toEqual(["10.1.0.0/26"]);
    expect(block!.spec.recalled).toBeUndefined();
  });

  test("gives none to hosts that do not have the network", async () => {
    await network({ hosts: { matchLabels: { "kubernetes.io/hostname": "two" } } });
    await host("one");
    await host("two");
    await cut(25);
    await has("two", "10.1.0.0/25");
    expect(await prefixesOf("one")).toBeUndefined();
  });
});
