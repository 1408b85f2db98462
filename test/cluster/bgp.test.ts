/** Routed networks whose routes hosts, and the rack's router, tell each other by BGP. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { conditionStatus } from "../../src/api/kinds/fields.ts";
import type { ApiObject } from "../../src/api/object.ts";
import { eventually } from "../agent/world.ts";
import { patient } from "../support/patience.ts";
import { lan } from "../support/test-host.ts";
import type { Box } from "./box.ts";
import { FabricCluster, unreached } from "./cluster.ts";
import type { FabricHost } from "./fabric-host.ts";
import { Rack } from "./rack.ts";

const subnets = [
  { cidr: "10.90.0.0/22", blockSize: 26 },
  { cidr: "fd90::/112", blockSize: 122 },
];

/** What the document tells an operator to declare. */
const example = Bun.YAML.parse(
  readFileSync(resolve(import.meta.dir, "../../examples/bgp.yaml"), "utf8"),
) as { kind: string; metadata: { name: string }; spec: object }[];
const password = "of the rack";

async function until(what: string, isSo: () => Promise<boolean>, told: () => Promise<unknown>) {
  await eventually(what, isSo, patient(30_000)).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify(await told())}`);
  });
}

const allReached = (boxes: readonly Box[]): Promise<void> =>
  until(
    "all pairs reach each other",
    async () => (await unreached(boxes)).length === 0,
    () => unreached(boxes),
  );

/** Hosts hear of a network's subnets a moment after the network. */
const attachAll = (cluster: FabricCluster, network: string): Promise<Box[]> =>
  Promise.all(
    cluster.hosts.map(async (host) => {
      let box: Box | undefined;
      const isAttached = async () => {
        box = await host.attach(network).catch((error) => {
          if (!String(error).includes("ipam: is missing")) throw error;
          return undefined;
        });
        return box !== undefined;
      };
      await eventually("it is attached", isAttached, patient(10_000));
      return box!;
    }),
  );

async function removed(cluster: FabricCluster, network: string, boxes: readonly Box[]) {
  for (const box of boxes) await box.detach();
  await cluster.delete("Network", network, { cascade: true });
}

/** Destinations that a host's kernel has learnt. */
async function learnt({ shell }: Pick<FabricHost, "shell">): Promise<string[]> {
  const text = await shell("ip -j route show metric 10801; ip -6 -j route show metric 10801");
  const lists = text.split("\n").filter(Boolean);
  return lists.flatMap((line) => JSON.parse(line)).map(({ dst }: { dst: string }) => dst);
}
const learntBy = (host: FabricHost) => learnt({ shell: (script) => host.shell(script) });

/** The process of a host's daemon; NaN: there is none. */
async function daemonPid(host: FabricHost): Promise<number> {
  const found = [...new Bun.Glob("**/gobgpd.pid").scanSync(`${host.world.host.dir}/run`)];
  if (!found[0]) return Number.NaN;
  // It goes with a daemon that was killed.
  const text = await Bun.file(`${host.world.host.dir}/run/${found[0]}`)
    .text()
    .catch(() => "none");
  return Number(text);
}

/** Addresses that a host has BGP sessions with. */
async function sessions(host: FabricHost): Promise<string[]> {
  const text = await host.shell("ss -Htn state established '( sport = :179 or dport = :179 )'");
  const peers = text.split("\n").flatMap((line) => line.trim().split(/\s+/)[3] ?? []);
  return [...new Set(peers.map((peer) => peer.replace(/:\d+$/, "")))].sort();
}

describe("a mesh of four hosts", () => {
  let cluster: FabricCluster;
  beforeAll(async () => {
    cluster = await FabricCluster.start({ hosts: 4 });
  }, patient(120_000));
  afterAll(() => cluster?.remove());

  test("all pairs reach each other, and BGP goes with its last network", async () => {
    await cluster.network("mesh", { type: "routed", backend: "bgp" }, ...subnets);
    const boxes = await attachAll(cluster, "mesh");
    await allReached(boxes);
    const [from, to] = boxes as [Box, Box];
    expect(await from.mtu()).toBe(1500);
    expect(await from.passes(to.address(), 1500)).toBe(true);
    for (const address of [lan.internet4, lan.internet6]) {
      expect([address, await from.reaches(address)]).toEqual([address, true]);
    }
    const [host] = cluster.hosts as [FabricHost];
    expect((await learntBy(host)).length).toBe(6);
    await removed(cluster, "mesh", boxes);
    const isGone = async () => Number.isNaN(await daemonPid(host));
    await until("the daemon is gone", isGone, () => daemonPid(host));
    expect(await learntBy(host)).toEqual([]);
  });

  test(
    "a live network's backend changes with less than a second's loss",
    async () => {
      await cluster.network("live", { type: "routed", backend: "vxlan" }, ...subnets);
      const boxes = (await attachAll(cluster, "live")) as [Box, Box];
      await allReached(boxes);
      const [from, to] = boxes;
      const flows = [from.flow(to.address(4)), from.flow(to.address(6))];
      const gaps: number[] = [];
      for (const backend of ["bgp", "vxlan", "bgp", "host-gw"]) {
        await cluster.change("Network", "live", { spec: { backend } });
        await Bun.sleep(12_000);
        // A daemon that asked before another listened asks again when it likes.
        const isLearnt = async () => (await learntBy(from.host)).length === 6;
        if (backend === "bgp") await until("all is learnt", isLearnt, () => learntBy(from.host));
      }
      for (const flow of flows) {
        const { sent, longestGapMs } = await flow.stop();
        expect(sent).toBeGreaterThan(2000);
        gaps.push(longestGapMs);
      }
      expect(Math.max(...gaps)).toBeLessThan(1000);
      await allReached(boxes);
      await removed(cluster, "live", boxes);
    },
    patient(120_000),
  );

  test("with a reflector, chosen by label, others have sessions with it alone", async () => {
    const routeReflectors = { matchLabels: { reflector: "yes" } };
    await cluster.create("BGPConfiguration", "default", { routeReflectors });
    await cluster.change("Host", "h2", { metadata: { labels: { reflector: "yes" } } });
    await cluster.network("reflected", { type: "routed", backend: "bgp" }, ...subnets);
    const boxes = await attachAll(cluster, "reflected");
    await allReached(boxes);
    const reflector = cluster.hosts[1]!.addresses[0]!;
    const others = cluster.hosts.filter(({ name }) => name !== "h2");
    for (const host of others)
      expect([host.name, await sessions(host)]).toEqual([host.name, [reflector]]);
    expect((await sessions(cluster.hosts[1]!)).length).toBe(3);
    // Packets go straight to their host: its next hop is that of who told first.
    const heard = await cluster.hosts[1]!.capture("icmp", async () => {
      expect(await boxes[0]!.reaches(boxes[2]!.address())).toBe(true);
    });
    expect(heard.lines).toEqual([]);
    await removed(cluster, "reflected", boxes);
    await cluster.delete("BGPConfiguration", "default");
  });
});

describe("beside networks that go other ways", () => {
  let cluster: FabricCluster;
  const networks: Readonly<Record<string, object>> = {
    told: { type: "routed", backend: "bgp" },
    wide: { type: "routed", backend: "vxlan" },
    seg: { type: "overlay" },
  };
  const boxes: Record<string, Box[]> = {};
  beforeAll(async () => {
    cluster = await FabricCluster.start({ hosts: 3 });
    for (const [i, [name, spec]] of Object.entries(networks).entries()) {
      const both = [
        { cidr: `10.9${3 + i}.0.0/22`, blockSize: 26 },
        { cidr: `fd9${3 + i}::/112`, blockSize: 122 },
      ];
      await cluster.network(name, spec, ...both);
      boxes[name] = await attachAll(cluster, name);
    }
    for (const all of Object.values(boxes)) await allReached(all);
  }, patient(120_000));
  afterAll(() => cluster?.remove());

  test(
    "each network goes its own way, and none loses a packet when gobgpd is killed",
    async () => {
      const [host] = cluster.hosts as [FabricHost];
      // Its blocks alone are told, in both families.
      expect((await learntBy(host)).length).toBe(4);
      const flows = Object.values(boxes).flatMap(([one, two]) =>
        ([4, 6] as const).flatMap((family) => [
          one!.flow(two!.address(family)),
          two!.flow(one!.address(family)),
        ]),
      );
      const before = await daemonPid(host);
      process.kill(before, "SIGKILL");
      const isBack = async () => ![before, Number.NaN].includes(await daemonPid(host));
      await until("another daemon is there", isBack, () => daemonPid(host));
      const areUp = async () => (await sessions(host)).length === 2;
      await until("sessions are up", areUp, () => sessions(host));
      // Until what nobody confirmed would have gone.
      await Bun.sleep(5000);
      const losses = await Promise.all(flows.map((flow) => flow.stop()));
      for (const { sent, lost } of losses) {
        expect(sent).toBeGreaterThan(300);
        expect(lost).toBe(0);
      }
      expect((await learntBy(host)).length).toBe(4);
      for (const all of Object.values(boxes)) await allReached(all);
    },
    patient(60_000),
  );
});

describe("beside a rack's router", () => {
  let cluster: FabricCluster;
  let bird: Rack;
  let frr: Rack;
  let boxes: Box[];
  beforeAll(async () => {
    cluster = await FabricCluster.start({ hosts: 3 });
    bird = await Rack.make(cluster, { password });
    frr = await Rack.make(cluster, { number: 1, asNumber: 65001 });
    await bird.bird();
    await frr.frr();
    const passwordFile = `${cluster.hosts[0]!.world.host.dir}/password`;
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
    for (const { kind, metadata, spec } of example) {
      const isPeer = kind === "BGPPeer";
      const ours = isPeer ? { ...spec, address: bird.addresses[0], passwordFile } : spec;
      await cluster.create(kind, metadata.name, ours);
    }
    for (const { name } of cluster.hosts) {
      await cluster.change("Host", name, { metadata: { labels: { rack: "one" } } });
    }
    const [address] = frr.addresses;
    await cluster.create("BGPPeer", "frr", { address, asNumber: frr.asNumber, bfd: true });
    boxes = await attachAll(cluster, "open");
    await allReached(boxes);
  }, patient(120_000));
  afterAll(() => cluster?.remove());

  test.each(["BIRD", "FRR"])(
    "an outside host behind %s reaches containers without NAT",
    async (name) => {
      const rack = name === "BIRD" ? bird : frr;
      for (const [i, family] of ([4, 6] as const).entries()) {
        for (const box of boxes) {
          const address = box.address(family);
          const reached = () => rack.reaches(address);
          await until(`${address} is reached`, reached, () => rack.routes());
          // And the container it, by its own address.
          const heard = await box.host.capture(
            `src ${address} and dst ${rack.outside[i]}`,
            async () => {
              expect(await box.reaches(rack.outside[i]!)).toBe(true);
            },
          );
          expect(heard.lines.length).toBeGreaterThan(0);
        }
      }
    },
  );

  test("objects tell how many sessions there are, and that this GoBGP has no BFD", async () => {
    for (const name of ["rack-one", "frr"]) {
      const isTold = ({ status }: ApiObject<any, any>) => status?.established === 3;
      const { status } = await cluster.holds("BGPPeer", name, isTold);
      expect(status.hosts).toBe(3);
      expect(conditionStatus({ status }, "Ready")).toBe("True");
      expect(conditionStatus({ status }, "BFD")).toBe(name === "frr" ? "False" : undefined);
    }
    const hasAll = ({ status }: ApiObject<any, any>) => status?.bgp?.hostsEstablished === 2;
    const { status } = await cluster.holds("Host", "h1", hasAll);
    expect(status.bgp.peers.map(({ peer }: { peer: string }) => peer).sort()).toEqual([
      ...["frr", "rack-one"],
    ]);
  });

  test("hosts tell their blocks and their delegated prefixes, and nothing of each other's racks", async () => {
    const of = (routes: readonly string[], pattern: RegExp) =>
      routes.filter((route) => pattern.test(route));
    const prefixes = (await cluster.all("Host"))
      .flatMap(({ spec }) => spec.prefixes ?? [])
      .map(({ cidr }: { cidr: string }) => cidr);
    expect(prefixes.length).toBe(3);
    for (const rack of [bird, frr]) {
      const routes = await rack.routes();
      expect(of(routes, /^2001:db8:91:/)).toEqual(prefixes.sort());
      expect(of(routes, /^10\.91\./).length).toBe(3);
      expect(routes.length).toBe(6);
    }
    for (const host of cluster.hosts) {
      const known = await learntBy(host);
      for (const cidr of ["192.0.2.0/24", "203.0.114.0/24", "203.0.115.0/24"]) {
        expect([host.name, known.includes(cidr)]).toEqual([host.name, true]);
      }
    }
  });

  test("an address of no block of its host is told as one of its own, in both families", async () => {
    const other = (await cluster.all("Host")).find(({ metadata }) => metadata.name === "h2")!;
    const prefix: string = other.spec.prefixes[0].cidr;
    const addresses = ["10.91.200.7", prefix.replace("::/64", "::77")];
    const fixedIps = addresses.map((address) => ({ address }));
    await cluster.create("Port", "fixed", { network: "open", fixedIps, host: "h1" });
    const box = await cluster.hosts[0]!.attach("open", { port: "fixed" });
    expect(box.addresses).toEqual(addresses);
    const singles = [`${addresses[0]}/32`, `${addresses[1]}/128`];
    for (const rack of [bird, frr]) {
      const isTold = async () => {
        const routes = await rack.routes();
        return singles.every((each) => routes.includes(each));
      };
      await until("both are told", isTold, () => rack.routes());
      for (const address of addresses)
        expect([address, await rack.reaches(address)]).toEqual([address, true]);
    }
    await allReached([box, ...boxes.slice(1)]);
    await box.detach();
    await cluster.delete("Port", "fixed");
    const isGone = async () => !(await bird.routes()).includes(singles[0]!);
    await until("it is told no more", isGone, () => bird.routes());
  });

  test("a filter keeps prefixes from one router, and no session breaks", async () => {
    const before = await sessions(cluster.hosts[0]!);
    const address = boxes[1]!.address(6);
    const flows = [bird.flow(address), boxes[0]!.flow(address)];
    await cluster.change("BGPPeer", "frr", { spec: { export: [{ cidr: "10.91.0.0/16" }] } });
    const isFiltered = async () => (await frr.routes()).every((route) => !route.includes(":"));
    await until("FRR has IPv4 alone", isFiltered, () => frr.routes());
    expect((await frr.routes()).length).toBe(3);
    expect((await bird.routes()).length).toBe(6);
    await cluster.change("BGPPeer", "frr", { spec: { export: null } });
    await until(
      "all again",
      async () => (await frr.routes()).length === 6,
      () => frr.routes(),
    );
    expect(await sessions(cluster.hosts[0]!)).toEqual(before);
    // Whom it is not for goes on.
    for (const flow of flows) expect((await flow.stop()).lost).toBe(0);
  });

  test(
    "no packet is lost when gobgpd or the agent is killed",
    async () => {
      const [one, two] = boxes as [Box, Box];
      const host = one.host;
      const count = async (work: () => Promise<void>) => {
        const flows = [
          ...([4, 6] as const).map((family) => two.flow(one.address(family))),
          ...([4, 6] as const).map((family) => bird.flow(one.address(family))),
          ...([4, 6] as const).map((family) => frr.flow(one.address(family))),
        ];
        await work();
        const losses = await Promise.all(flows.map((flow) => flow.stop()));
        return losses.map(({ lost }) => lost);
      };
      const before = await daemonPid(host);
      const killed = await count(async () => {
        process.kill(before, "SIGKILL");
        const isBack = async () => ![before, Number.NaN].includes(await daemonPid(host));
        await until("another daemon is there", isBack, () => daemonPid(host));
        await until(
          "sessions are up",
          async () => (await sessions(host)).length === 4,
          () => sessions(host),
        );
        await Bun.sleep(8000);
      });
      expect(killed).toEqual([0, 0, 0, 0, 0, 0]);
      const daemon = await daemonPid(host);
      const restarted = await count(async () => {
        await host.restartAgent();
        await Bun.sleep(8000);
      });
      expect(restarted).toEqual([0, 0, 0, 0, 0, 0]);
      expect(await daemonPid(host)).toBe(daemon);
    },
    patient(120_000),
  );
});
