/** Ports: how they get addresses, and how they go. */
import { beforeEach, describe, expect, test } from "bun:test";
import type { IPBlock, Port } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { leaseBlock, withClaim } from "../../ipam/block-lease.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import { attachedFinalizer } from "../objects/attached.ts";
import { changeBlock, createBlock } from "./blocks.ts";
import { manager, reconciled, until } from "./reconcile-fixture.ts";
import { kindOf } from "./reconciler.ts";

const { world, create, all, one, status, network, host, declareOver } = reconciled();

/** What a host tells of a port that it has no address of subnet "a" for. */
const asking = { wantedAddresses: ["a"] };

describe("a port without a host", () => {
  const addresses = async (name: string) =>
    ((await one("Port", name))?.status?.addresses ?? []).map(
      ({ address }: { address: string }) => address,
    );
  const claims = async () =>
    ((await all("IPBlock")) as IPBlock[]).flatMap(({ spec }) => spec.claims ?? []);

  test("gets an address of its own of each subnet, and the one that it asks for", async () => {
    await network();
    await create("Subnet", { name: "six" }, { network: "blue", cidr: "fd00:1::/64" });
    const names = ["a", "b", "c", "d"];
    await Promise.all(names.map((name) => create("Port", { name }, { network: "blue" })));
    const fixedIps = [{ address: "10.1.0.200" }];
    await create("Port", { name: "fixed" }, { network: "blue", fixedIps });
    const given = await until(async () => {
      const found = await Promise.all(names.map(addresses));
      return found.every((each) => each.length === 2) && found.flat();
    });
    expect(new Set(given).size).toBe(8);
    await until(async () => (await addresses("fixed"))[0] === "10.1.0.200");
    expect(await claims()).toHaveLength(9);
    const other = { network: "blue", fixedIps };
    await create("Port", { name: "second" }, other);
    for (const name of [...names, "fixed"]) {
      await world.objects.delete(kindOf("Port"), { namespace: "default", name });
    }
    await until(async () => (await addresses("second"))[0] === "10.1.0.200");
    await world.objects.delete(kindOf("Port"), { namespace: "default", name: "second" });
    await until(async () => (await claims()).length === 0);
    await until(async () => (await all("IPBlock")).length === 0);
  }, 20_000);

  test("gets nothing that a later subnet needs for itself", async () => {
    await create("Network", { name: "blue" }, { type: "bridge" });
    const wished = ["10.1.0.0", "10.1.0.1", "10.1.0.2", "10.1.0.255"];
    for (const [i, address] of wished.entries()) {
      await create("Port", { name: `p${i}` }, { network: "blue", fixedIps: [{ address }] });
    }
    await create("Subnet", { name: "a" }, { network: "blue", cidr: "10.1.0.0/24" });
    for (const name of ["p0", "p1", "p2", "p3"]) await status("Port", name, asking);
    await create("Port", { name: "last" }, { network: "blue" });
    await until(async () => (await addresses("last")).length === 1);
    await Bun.sleep(200);
    expect((await Promise.all(wished.map((_, i) => addresses(`p${i}`)))).flat()).toEqual([]);
    expect(await claims()).toHaveLength(1);
  });

  const told = async (name: string) =>
    (await one("Port", name))?.status?.conditions?.find(({ type }: any) => type === "Addressed");

  test("says who has the address that it asks for, until it has it", async () => {
    await network({ sharedWith: {} });
    await create("Namespace", { name: "b" });
    const fixedIps = [{ address: "10.1.0.200" }];
    await create("Port", { name: "first" }, { network: "blue", fixedIps });
    await until(async () => (await addresses("first")).length === 1);
    await create("Port", { name: "second" }, { network: "blue", fixedIps });
    expect(await until(() => told("second"))).toMatchObject({
      ...{ status: "False", reason: "AddressTaken" },
      message: '10.1.0.200 of subnet "a" is not to be had: port "default/first" has it',
    });
    const far = { network: "default/blue", fixedIps };
    await create("Port", { name: "third", namespace: "b" }, far);
    expect((await until(() => told("third"))).message).toContain("a port of another namespace has");
    await world.objects.delete(kindOf("Port"), { namespace: "b", name: "third" });
    await world.objects.delete(kindOf("Port"), { namespace: "default", name: "first" });
    await until(async () => (await addresses("second")).length === 1 && !(await told("second")));
  }, 20_000);

  test("says that no subnet has the address that it asks for, until one is made", async () => {
    await create("Network", { name: "blue" }, { type: "bridge" });
    const fixedIps = [{ address: "10.1.0.200" }];
    await create("Port", { name: "early" }, { network: "blue", fixedIps });
    await create("Port", { name: "on-host" }, { network: "blue", host: "h1", fixedIps });
    for (const name of ["early", "on-host"]) {
      expect(await until(() => told(name))).toMatchObject({ reason: "NotInSubnet" });
      expect((await told(name)).message).toStartWith("10.1.0.200 is in no subnet of its network");
    }
    await create("Subnet", { name: "a" }, { network: "blue", cidr: "10.1.0.0/24" });
    await until(
      async () => (await addresses("early")).length + (await addresses("on-host")).length,
    );
    const had = async (name: string) => (await addresses(name)).length === 1;
    const [has, lacks] = (await had("early")) ? ["early", "on-host"] : ["on-host", "early"];
    await until(async () => !(await told(has)));
    expect(await until(async () => (await told(lacks)).reason === "AddressTaken")).toBe(true);
  }, 20_000);

  test("says that no address is left, and what no port gets", async () => {
    await create("Network", { name: "blue" }, { type: "bridge" });
    await create(
      "Port",
      { name: "gate" },
      { network: "blue", fixedIps: [{ address: "10.1.0.1" }] },
    );
    await until(() => told("gate"));
    await create("Subnet", { name: "a" }, { network: "blue", cidr: "10.1.0.0/30" });
    await status("Port", "gate", { mac: "02:00:00:00:00:01" });
    await until(async () => (await told("gate")).message.includes("it is the gateway"));
    await create("Port", { name: "web" }, { network: "blue" });
    expect(await until(() => told("web"))).toMatchObject({ reason: "Exhausted" });
  });

  test("says that the port that it joins is not there, or on another network", async () => {
    await network();
    await create("Network", { name: "red" }, { type: "bridge" });
    await create("Port", { name: "side" }, { network: "blue", joins: "main" });
    await create("Port", { name: "far" }, { network: "red", joins: "main" });
    expect(await until(() => told("side"))).toMatchObject({ reason: "JoinedMissing" });
    await create("Port", { name: "main" }, { network: "blue" });
    await until(async () => !(await told("side")));
    await until(async () => (await told("far")).reason === "JoinedElsewhere");
    await world.objects.delete(kindOf("Port"), { namespace: "default", name: "main" });
    for (const name of ["side", "far"]) {
      await until(async () => (await told(name))?.reason === "JoinedMissing");
    }
  });

  test("gets none of a new subnet beyond its tenant's quota, and says so", async () => {
    await network();
    await create("Port", { name: "web" }, { network: "blue" });
    await until(async () => (await addresses("web")).length === 1);
    const quotas = { addresses: 1 };
    await create("Tenant", { name: "t" }, { namespaceSelector: {}, quotas });
    await create("Subnet", { name: "six" }, { network: "blue", cidr: "fd00:1::/64" });
    await status("Port", "web", { mac: "02:00:00:00:00:01", wantedAddresses: ["six"] });
    const told = await until(async () => (await one("Port", "web"))?.status.conditions?.[0]);
    expect(told).toMatchObject({ type: "Addressed", status: "False", reason: "QuotaExceeded" });
    expect(told.message).toContain(
      "requested: addresses=1, used: addresses=1, limited: addresses=1",
    );
    expect(await addresses("web")).toHaveLength(1);
  });

  const want = (name: string, fixedIps: object[]) =>
    world.objects.update(
      kindOf("Port"),
      { namespace: "default", name },
      (live) => ({ ...live, spec: { ...(live.spec as object), fixedIps } }),
      { manager },
    );
  const attached = (active: boolean) => ({ bindings: [{ host: "h1", epoch: 1, active }] });

  test("gets one of another subnet while it is attached with that of the first", async () => {
    await network();
    await create("Subnet", { name: "b" }, { network: "blue", cidr: "10.2.0.0/24" });
    await create("Port", { name: "web" }, { network: "blue", fixedIps: [{ subnet: "a" }] });
    await until(async () => (await addresses("web")).length === 1);
    await status("Port", "web", attached(true));
    await want("web", [{ subnet: "b" }]);
    await status("Port", "web", { wantedAddresses: ["b"] });
    await until(async () => (await addresses("web"))[1]?.startsWith("10.2."));
  });

  test("has the fixed address that it asks for now, once nobody uses that of before", async () => {
    await network();
    await create(
      "Port",
      { name: "web" },
      { network: "blue", fixedIps: [{ address: "10.1.0.10" }] },
    );
    await until(async () => (await addresses("web"))[0] === "10.1.0.10");
    await want("web", [{ address: "10.1.0.11" }]);
    await until(async () => (await addresses("web")).join() === "10.1.0.11");
    await until(async () => (await claims()).length === 1);
    await status("Port", "web", attached(true));
    await want("web", [{ subnet: "a", address: "10.1.0.12" }]);
    await Bun.sleep(200);
    expect(await addresses("web")).toEqual(["10.1.0.11"]);
    await status("Port", "web", attached(false));
    await until(async () => (await addresses("web")).join() === "10.1.0.12");
    await until(async () => (await claims()).length === 1);
  });

  test("keeps its claim on a block whose state is written after it", async () => {
    await network();
    await create("Port", { name: "web" }, { network: "blue" });
    await until(async () => (await addresses("web")).length === 1);
    await create("Subnet", { name: "b" }, { network: "blue", cidr: "10.2.0.0/24" });
    const { uid } = (await one("Port", "web"))!.metadata;
    const of = { namespace: "default", name: "b" };
    const block = leaseBlock(of, parsePrefix("10.2.0.0/26"), { host: "", lease: "l1" });
    const claim = { id: "default/web/1", owner: uid, address: "10.2.0.9" };
    const { objects } = world;
    const between = {
      create: async (...given: Parameters<typeof objects.create>) => {
        const made = await objects.create(...given);
        await changeBlock(context, block.name, (live) => withClaim(live, claim, 1));
        return made;
      },
      update: objects.update.bind(objects),
    } as unknown as typeof objects;
    const context = { objects, nowMs: () => world.clockMs };
    await createBlock({ ...context, objects: between }, block);
    await until(async () => (await addresses("web"))[1] === "10.2.0.9");
    const { spec, status: told } = (await one("IPBlock", block.name)) as IPBlock;
    expect(spec.claims).toHaveLength(1);
    expect((told as any).allocation.held["10.2.0.9"].claim).toBe(claim.id);
  });

  test("is kept an address for its identity in its namespace alone", async () => {
    await network({ sharedWith: {} });
    const ranges = [{ start: "10.1.0.10", end: "10.1.0.20" }];
    await create("IPPool", { name: "p" }, { subnet: "default/a", ranges, sticky: true });
    await create("Namespace", { name: "b" });
    await create("Port", { name: "web" }, { network: "blue", identity: "db" });
    await create(
      "Port",
      { name: "web", namespace: "b" },
      { network: "default/blue", identity: "db" },
    );
    const identities = await until(async () => {
      const blocks = (await all("IPBlock")) as IPBlock[];
      const held = blocks.flatMap(({ status }) =>
        Object.values((status?.allocation as any)?.held ?? {}),
      );
      return held.length === 2 && held.map(({ identity }: any) => identity).sort();
    });
    expect(identities).toEqual(["b/db", "default/db"]);
  });

  test("gets an address of its pool, which nobody else gets", async () => {
    await network();
    const ranges = [{ start: "10.1.0.100", end: "10.1.0.101" }];
    const ports = { matchLabels: { app: "db" } };
    await create("IPPool", { name: "p" }, { subnet: "default/a", ranges, ports });
    await create("Port", { name: "db", labels: { app: "db" } }, { network: "blue" });
    await create("Port", { name: "web" }, { network: "blue" });
    await until(async () => (await addresses("db"))[0] === "10.1.0.100");
    const [web] = await until(async () => {
      const found = await addresses("web");
      return found.length > 0 && found;
    });
    expect(web).not.toBe("10.1.0.101");
    await create(
      "Port",
      { name: "thief" },
      { network: "blue", fixedIps: [{ address: "10.1.0.101" }] },
    );
    const { conditions } = await until(async () => {
      const { status } = (await one("Port", "thief")) as Port;
      return status?.conditions?.length ? status : undefined;
    });
    expect(conditions).toMatchObject([
      { type: "Addressed", status: "False", reason: "KeptByPool" },
    ]);
    expect(await addresses("thief")).toEqual([]);
    await create(
      "Port",
      { name: "db2", labels: { app: "db" } },
      { network: "blue", fixedIps: [{ address: "10.1.0.101" }] },
    );
    await until(async () => (await addresses("db2"))[0] === "10.1.0.101");
  });
});

describe("a port of a host that has no block", () => {
  const tell = (name: string, is: "True" | "False") => {
    const told = { type: "Ready", status: is, reason: "X", message: "x" };
    return status("Host", name, {
      conditions: [{ ...told, lastTransitionTime: world.objects.now() }],
    });
  };
  const claimed = async () =>
    ((await all("IPBlock")) as IPBlock[]).flatMap(({ spec }) =>
      (spec.claims ?? []).map(() => spec.host),
    );
  beforeEach(async () => {
    await create("Network", { name: "blue" }, { type: "bridge" });
    const cidr = "10.1.0.0/29";
    await create("Subnet", { name: "a" }, { network: "blue", cidr, blockSize: 30 });
    for (const name of ["one", "two"]) {
      await host(name);
      await status("Host", name, { wantedBlocks: ["default/a"] });
      await until(async () => (await all("IPBlock")).some(({ spec }) => spec.host === name));
    }
    await host("three");
  });

  test("has an address claimed of another's once its host asks, until it does not any more", async () => {
    for (const name of ["one", "two"]) await tell(name, "True");
    await create("Port", { name: "web" }, { network: "blue", host: "three" });
    await Bun.sleep(200);
    expect(await claimed()).toEqual([]);
    await status("Port", "web", asking);
    // The block with most free addresses.
    await until(async () => (await claimed()).join() === "two");
    await status("Port", "web", { wantedAddresses: [] });
    const { name } = (await all("IPBlock")).find(({ spec }) => spec.host === "two")!.metadata;
    const { lease } = (await one("IPBlock", name))!.spec;
    const allocation = { lease, stage: "giving", sequence: 1, held: {}, rested: {}, refused: {} };
    await status("IPBlock", name, { allocation });
    await until(async () => (await claimed()).length === 0);
  });

  test("has one of a host that answers, where another does not", async () => {
    await tell("one", "True");
    await tell("two", "False");
    await create("Port", { name: "web" }, { network: "blue", host: "three" });
    await status("Port", "web", asking);
    await until(async () => (await claimed()).join() === "one");
    await tell("one", "False");
    await tell("two", "True");
    await until(async () => (await claimed()).sort().join() === "one,two");
  }, 20_000);
});

describe("a port that is attached", () => {
  const place = { namespace: "default", name: "web" };
  const bound = (active: boolean) => ({ bindings: [{ host: "one", epoch: 1, active }] });
  const addressOf = async () => (await one("Port", "web"))?.status?.addresses?.[0]?.address;
  beforeEach(async () => {
    await network();
    await host("one");
    await create("Port", { name: "web" }, { network: "blue" });
    await until(addressOf);
    await status("Port", "web", bound(true));
  });
  const waits = async () => {
    const port = (await one("Port", "web"))!;
    expect(port.metadata).toMatchObject({
      deletionTimestamp: expect.any(String),
      finalizers: [attachedFinalizer],
    });
    return port.status;
  };

  test("goes, and its address is free, once its host has detached it", async () => {
    const address = await addressOf();
    expect((await world.objects.delete(kindOf("Port"), place)).gone).toBe(false);
    const { addresses, conditions } = await waits();
    expect(addresses[0].address).toBe(address);
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: "Detached", message: expect.stringContaining('host "one"') }),
    );
    await status("Port", "web", bound(false));
    expect(await one("Port", "web")).toBeUndefined();
    await until(async () => (await all("IPBlock")).length === 0);
  });

  test("keeps network and namespace while they are to go, and goes before them", async () => {
    const blue = { namespace: "default", name: "blue" };
    await world.objects.delete(kindOf("Network"), blue, { cascade: true });
    await until(async () => {
      const { deletionTimestamp, finalizers } = (await one("Port", "web"))!.metadata;
      return deletionTimestamp && finalizers?.length === 1;
    });
    await waits();
    expect(await one("Subnet", "a")).toBeDefined();
    await status("Port", "web", bound(false));
    await until(async () => (await one("Network", "blue")) === undefined);
  });

  test("keeps its host, until it is over by its operator's word", async () => {
    await world.objects.delete(kindOf("Port"), place);
    expect((await world.objects.delete(kindOf("Host"), { name: "one" })).gone).toBe(false);
    await Bun.sleep(500);
    await waits();
    await declareOver("one");
    await until(async () => (await one("Host", "one")) === undefined);
    expect(await one("Port", "web")).toBeUndefined();
  });

  test("can't be freed by who takes the finalizer off, nor held by who puts it on", async () => {
    const without = (live: ApiObject) => ({
      ...live,
      metadata: { ...live.metadata, finalizers: [] },
    });
    await world.objects.update(kindOf("Port"), place, without, { manager });
    expect((await one("Port", "web"))?.metadata.finalizers).toEqual([attachedFinalizer]);
    await create("Port", { name: "other", finalizers: [attachedFinalizer] }, { network: "blue" });
    const other = { namespace: "default", name: "other" };
    expect((await world.objects.delete(kindOf("Port"), other)).gone).toBe(true);
  });
});
