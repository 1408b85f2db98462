/** What reconcilers make of objects, with a store and their loop, but without a server. */
import { describe, expect, test } from "bun:test";
import type { IPBlock } from "../../api/kinds/index.ts";
import { silentLog } from "../../lib/log.ts";
import { hostStatus, silenceMs } from "./host-status.ts";
import { whileLeader } from "./leader.ts";
import { type Any, reconciled, until } from "./reconcile-fixture.ts";
import { kindOf } from "./reconciler.ts";

const { world, create, all, one, status, network, host, declareOver } = reconciled();

const ready = (object: Any | undefined) =>
  object?.status?.conditions?.find(({ type }: { type: string }) => type === "Ready")?.status;

test("a network tells of its subnets and ports, and when ports can be attached", async () => {
  await create("Network", { name: "blue" }, { type: "bridge" });
  await until(async () => ready(await one("Network", "blue")) === "False");
  await create("Subnet", { name: "a" }, { network: "blue", cidr: "10.1.0.0/24" });
  await create("Port", { name: "web" }, { network: "blue" });
  const made = await until(async () => {
    const found = await one("Network", "blue");
    return found?.status.ports === 1 && ready(found) === "True" && found;
  });
  expect(made.status).toMatchObject({ subnets: ["a"], ports: 1 });
  const subnet = await until(async () => {
    const found = await one("Subnet", "a");
    return found?.status?.allocated === 1 && found;
  });
  // All but the network's own address, the broadcast, the gateway and the service address.
  expect(subnet.status).toMatchObject({ addresses: 252, allocated: 1, blocks: 1 });
});

test("a tenant tells what it uses", async () => {
  await create("Namespace", { name: "a", labels: { team: "a" } });
  await create("Tenant", { name: "t" }, { namespaceSelector: { matchLabels: { team: "a" } } });
  await create("Network", { name: "n", namespace: "a" }, { type: "none" });
  await until(async () => (await one("Tenant", "t"))?.status?.used?.networks === 1);
});

test("a host that is silent is not ready", async () => {
  await host("one");
  const told = { type: "Ready", status: "True", reason: "X", message: "x" };
  await status("Host", "one", {
    conditions: [{ ...told, lastTransitionTime: world.objects.now() }],
  });
  expect(ready(await one("Host", "one"))).toBe("True");
  world.clockMs += silenceMs + 1000;
  await status("Host", "one", { ports: 1 });
  await until(async () => ready(await one("Host", "one")) === "False");
});

test("a host that is silent for long is removed where that is asked for, and not before", async () => {
  await network();
  await host("one");
  await status("Host", "one", { wantedBlocks: ["default/a"] });
  await until(async () => (await all("IPBlock")).length === 1);
  const silence = { afterMs: 20_000, removeAfterMs: 600_000 };
  const context = { ...world, nowMs: () => world.clockMs, sinceMs: world.clockMs, silence };
  const look = () => hostStatus.run(context, "one");
  expect(await look()).toBe(20_000);
  world.clockMs += 20_000;
  expect(await look()).toBe(undefined);
  const { lastTransitionTime } = (await one("Host", "one"))!.status.conditions[0];
  // Conditions bear the real time.
  const leftMs = Date.parse(lastTransitionTime) + 600_000 - world.clockMs;
  expect(await look()).toBe(leftMs);
  world.clockMs += leftMs - 1;
  expect([await look(), (await all("Host")).length]).toEqual([1, 1]);
  expect((await all("IPBlock"))[0]).toMatchObject({ spec: { host: "one" } });
  world.clockMs += 1;
  await look();
  await until(async () => (await all("Host")).length === 0);
  expect(await all("IPBlock")).toEqual([]);
});

test("whoever begins to look takes nobody for silent whom he did not miss himself", async () => {
  await host("one");
  world.clockMs += 1000 * silenceMs;
  const context = { ...world, nowMs: () => world.clockMs, sinceMs: world.clockMs - 1000 };
  expect(await hostStatus.run(context, "one")).toBe(silenceMs - 1000);
});

describe("a block", () => {
  const blocks = async () => (await all("IPBlock")) as IPBlock[];

  test("is leased once to a host that asks, and comes back", async () => {
    await network();
    await host("one");
    await status("Host", "one", { wantedBlocks: ["default/a"] });
    const [block] = await until(async () => {
      const found = await blocks();
      return found.length > 0 && found;
    });
    expect(block).toMatchObject({
      metadata: { name: "default.a.10-1-0-0-26" },
      spec: { host: "one", cidr: "10.1.0.0/26" },
    });
    await status("Host", "one", { ports: 1 });
    await host("two");
    await status("Host", "two", { wantedBlocks: ["default/a"] });
    const hosts = await until(async () => {
      const found = await blocks();
      return found.length > 1 && found.map(({ spec }) => spec.host);
    });
    expect(hosts).toEqual(["one", "two"]);
    // Who still asks for one would get it again.
    await status("Host", "one", { wantedBlocks: [] });
    const { name } = block!.metadata;
    const allocation = { lease: block!.spec.lease, stage: "returned", sequence: 1, held: {} };
    await status("IPBlock", name, { allocation: { ...allocation, rested: {}, refused: {} } });
    await until(async () => (await one("IPBlock", name)) === undefined);
  });

  test("is not leased to a host that does not have the network", async () => {
    await network({ hosts: { matchLabels: { "kubernetes.io/hostname": "two" } } });
    await host("one");
    await host("two");
    await status("Host", "one", { wantedBlocks: ["default/a"] });
    await status("Host", "two", { wantedBlocks: ["default/a"] });
    await until(async () => (await blocks()).length > 0);
    await status("Host", "one", { ports: 1 });
    await status("Host", "two", { ports: 1 });
    expect((await blocks()).map(({ spec }) => spec.host)).toEqual(["two"]);
  });

  test("of a host that is removed comes back when its operator says that it is over", async () => {
    await network();
    await host("one");
    await status("Host", "one", { wantedBlocks: ["default/a"] });
    await until(async () => (await blocks()).length === 1);
    await create("Port", { name: "web" }, { network: "blue" });
    await status("Port", "web", { bindings: [{ host: "one", epoch: 1, active: true }] });
    expect((await world.objects.delete(kindOf("Host"), { name: "one" })).gone).toBe(false);
    await until(async () => (await blocks())[0]?.spec.recalled);
    await declareOver("one");
    await until(async () => (await one("Host", "one")) === undefined);
    // The port is on no host now, so the control plane gets it an address.
    expect((await blocks()).filter(({ spec }) => spec.host !== "")).toEqual([]);
    const bindings = [{ host: "one", epoch: 1, active: false }];
    expect((await one("Port", "web"))?.status.bindings).toEqual(bindings);
  });
});

describe("what is to go", () => {
  test("takes with it what stands on it", async () => {
    await network();
    await create("Port", { name: "web" }, { network: "blue" });
    await create("IPPool", { name: "p" }, { subnet: "default/a" });
    await world.objects.delete(
      kindOf("Network"),
      { namespace: "default", name: "blue" },
      {
        cascade: true,
      },
    );
    await until(async () => (await all("Network")).length === 0);
    for (const kind of ["Port", "Subnet", "IPPool"]) expect(await all(kind)).toEqual([]);
    expect((await world.store.list("/referrers/")).entries).toEqual([]);
  });

  test("goes with its namespace", async () => {
    await create("Namespace", { name: "a" });
    await create("Network", { name: "n", namespace: "a" }, { type: "bridge" });
    const spec = { network: "n", cidr: "10.1.0.0/24" };
    await create("Subnet", { name: "s", namespace: "a" }, spec);
    await world.objects.delete(kindOf("Namespace"), { name: "a" });
    await until(async () => (await one("Namespace", "a")) === undefined);
    expect(await all("Network")).toEqual([]);
    expect((await world.store.list("/counts/")).entries).toEqual([]);
  });

  test("is a subnet with blocks, but not one whose addresses ports have", async () => {
    await network();
    await host("one");
    await status("Host", "one", { wantedBlocks: ["default/a"] });
    await until(async () => (await all("IPBlock")).length === 1);
    await create("Port", { name: "web" }, { network: "blue" });
    await status("Port", "web", { addresses: [{ address: "10.1.0.5", subnet: "a" }] });
    const remove = () =>
      world.objects.delete(kindOf("Subnet"), { namespace: "default", name: "a" });
    await expect(remove()).rejects.toThrow('port "default/web" needs it');
    await world.objects.delete(kindOf("Port"), { namespace: "default", name: "web" });
    await status("Host", "one", { wantedBlocks: [] });
    await remove();
    await until(async () => (await all("Subnet")).length === 0);
    expect(await all("IPBlock")).toEqual([]);
  });
});

test("one leads at a time, and another follows", async () => {
  const ends = [new AbortController(), new AbortController()];
  const led: number[] = [];
  let leading = 0;
  const options = { store: world.store, log: silentLog, ttlMs: 300 };
  const leaders = ends.map((each, i) => {
    const work = async (signal: AbortSignal) => {
      expect(++leading).toBe(1);
      led.push(i);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      leading--;
    };
    return whileLeader(options, work, each.signal);
  });
  await until(async () => led.length === 1);
  ends[led[0]!]!.abort();
  await until(async () => led.length === 2);
  expect(led.toSorted()).toEqual([0, 1]);
  for (const each of ends) each.abort();
  await Promise.all(leaders);
  expect(leading).toBe(0);
});
