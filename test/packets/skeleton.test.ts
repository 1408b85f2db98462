/** Our nftables tables with real packets: masquerade, published ports, hairpin, guards. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { macGuardObjects } from "../../src/drivers/mac-guard.ts";
import { masqueradeObjects } from "../../src/drivers/masquerade.ts";
import { type Publication, portmapObjects } from "../../src/drivers/portmap.ts";
import { skeleton } from "../../src/drivers/skeleton.ts";
import { KernelNft } from "../../src/kernel/nft/kernel-nft.ts";
import type { NftChange } from "../../src/kernel/nft/nft.ts";
import type { KernelObject } from "../../src/model/kernel-object.ts";
import type { Port } from "../../src/model/port.ts";
import { heard } from "./crafted.ts";
import { PacketStage, type Place, type Probe } from "./stage.ts";

const portA: Port = {
  containerId: "a",
  ifName: "eth0",
  id: "000000000000000a",
  network: "blue",
  netns: "unused",
  hostLink: "port-a",
  mac: "02:00:00:00:0a:01",
  hostMac: "02:00:00:00:0a:02",
  alias: "netloom:cni:000000000000000a",
  ips: [{ address: "10.66.0.2/24" }, { address: "fd66::2/64" }],
  routes: [],
};
const { id, alias } = portA;
const toA = { id, alias, ips: portA.ips, via: { 4: "br0", 6: "br0" }, snat: true, masqAll: false };
const toB: Omit<Publication, "mappings"> = {
  ...toA,
  id: "000000000000000b",
  alias: "netloom:cni:000000000000000b",
  ips: [{ address: "10.66.0.3/24" }, { address: "fd66::3/64" }],
};
const to80 = (protocol: "tcp" | "udp" | "sctp", hostPort: number, hostIP?: string) => ({
  protocol,
  hostPort,
  containerPort: 80,
  hostIP,
});
const objects: KernelObject[] = [
  ...masqueradeObjects(portA),
  ...portmapObjects({
    ...toA,
    mappings: [to80("tcp", 8080), to80("udp", 8080), to80("sctp", 8080)],
  }),
  ...portmapObjects({
    ...toB,
    mappings: [
      to80("tcp", 8081),
      to80("tcp", 8084, "0.0.0.0"),
      to80("tcp", 8080, "192.0.2.11"),
      to80("tcp", 8080, "2001:db8::11"),
      to80("udp", 9090, "192.0.2.11"),
      to80("udp", 9090, "2001:db8::11"),
    ],
  }),
];

let stage: PacketStage;
let nft: KernelNft;

/** Puts a driver's nft objects and sysctls into the stage's host. */
function install(wanted: readonly KernelObject[]): void {
  const changes: NftChange[] = [];
  for (const object of wanted) {
    if (object.kind === "nft-chain") nft.ensureChains([object]);
    if (object.kind === "nft-element") changes.push({ op: "add", element: object });
    if (object.kind !== "sysctl") continue;
    stage.run("host", "sysctl", "-qw", `${object.path.replaceAll("/", ".")}=${object.value}`);
  }
  nft.change(changes);
}

beforeAll(async () => {
  stage = await PacketStage.open("nlpkt-");
  nft = new KernelNft(stage.path("host"));
  nft.ensure(skeleton);
  install(objects);
});
afterAll(async () => {
  nft?.[Symbol.dispose]();
  await stage?.[Symbol.asyncDispose]();
});

type Case = readonly [from: Place, proto: Probe["proto"], to: string, port: number, answer: string];

/** Asks and compares, all cases of one place at once. */
function answers(cases: readonly Case[]) {
  for (const place of new Set(cases.map(([from]) => from))) {
    const asked = cases.filter(([from]) => from === place);
    const probes = asked.map(([, proto, to, port]) => ({ proto, to, port }));
    const got = stage.ask(place, probes);
    const seen = asked.map(([from, proto, to, port], i): Case => [from, proto, to, port, got[i]!]);
    expect(seen).toEqual(asked);
  }
}

test("a masqueraded port leaves with the host's address, but keeps its own within its subnet", () => {
  answers([
    ["a", "tcp", "192.0.2.9", 80, "client 192.0.2.1"],
    ["a", "udp", "192.0.2.9", 80, "client 192.0.2.1"],
    ["a", "tcp", "2001:db8::9", 80, "client 2001:db8::1"],
    ["a", "tcp", "10.66.0.3", 80, "b 10.66.0.2"],
    ["a", "udp", "fd66::3", 80, "b fd66::2"],
    ["b", "tcp", "192.0.2.9", 80, "client 10.66.0.3"],
    ["b", "udp", "2001:db8::9", 80, "client fd66::3"],
  ]);
});

test("a published port leads in on any local address and shows the client's own", () => {
  answers([
    ["client", "tcp", "192.0.2.1", 8080, "a 192.0.2.9"],
    ["client", "udp", "192.0.2.1", 8080, "a 192.0.2.9"],
    ["client", "tcp", "2001:db8::1", 8080, "a 2001:db8::9"],
    ["client", "udp", "2001:db8::1", 8080, "a 2001:db8::9"],
    ["client", "tcp", "10.66.0.1", 8081, "b 192.0.2.9"],
    ["client", "tcp", "192.0.2.1", 8082, "ConnectionRefusedError"],
  ]);
});

test("a port published on one address wins over any address, and is only there", () => {
  answers([
    ["client", "tcp", "192.0.2.11", 8080, "b 192.0.2.9"],
    ["client", "udp", "192.0.2.11", 9090, "b 192.0.2.9"],
    ["client", "tcp", "2001:db8::11", 8080, "b 2001:db8::9"],
    ["client", "udp", "2001:db8::11", 9090, "b 2001:db8::9"],
    ["client", "udp", "192.0.2.1", 9090, "ConnectionRefusedError"],
    ["client", "udp", "2001:db8::1", 9090, "ConnectionRefusedError"],
  ]);
});

test("a port published in one family is not open in the other", () => {
  answers([
    ["client", "tcp", "192.0.2.1", 8084, "b 192.0.2.9"],
    ["client", "tcp", "2001:db8::1", 8084, "ConnectionRefusedError"],
  ]);
});

test("traffic to addresses that are not local passes untranslated", () => {
  answers([
    ["a", "tcp", "192.0.2.9", 8080, "client 192.0.2.1"],
    ["a", "tcp", "2001:db8::9", 8080, "client 2001:db8::1"],
    ["client", "tcp", "10.66.0.3", 8080, "b 192.0.2.9"],
    ["client", "udp", "fd66::3", 8080, "b 2001:db8::9"],
  ]);
});

describe("containers reach themselves and neighbours through the published port", () => {
  const cases: readonly Case[] = [
    ["a", "tcp", "192.0.2.1", 8080, "a 10.66.0.1"],
    ["a", "udp", "10.66.0.1", 8080, "a 10.66.0.1"],
    ["a", "tcp", "2001:db8::1", 8080, "a fd66::1"],
    ["a", "tcp", "192.0.2.1", 8081, "b 10.66.0.1"],
    ["b", "udp", "2001:db8::1", 8080, "a fd66::1"],
  ];
  const bridgeFilter = (on: 0 | 1) => {
    for (const name of ["arptables", "iptables", "ip6tables"]) {
      stage.run("host", "sysctl", "-qw", `net.bridge.bridge-nf-call-${name}=${on}`);
    }
  };
  const hairpinMode = (mode: "on" | "off") =>
    stage.run("host", "bridge", "link", "set", "dev", "port-a", "hairpin", mode);

  test("when bridged frames bypass inet's hooks, whatever the bridge port's hairpin mode", () => {
    bridgeFilter(0);
    answers(cases);
    hairpinMode("on");
    answers(cases);
  });

  // The bridge translates the frame itself and would have to send it back where it came from.
  test("when bridged frames pass inet's hooks, with the bridge port's hairpin mode on", () => {
    bridgeFilter(1);
    answers(cases);
    hairpinMode("off");
    answers([...cases.slice(3), ["a", "udp", "10.66.0.1", 8080, "TimeoutError"]]);
  });
});

test("the host reaches its published ports, by loopback too in IPv4", () => {
  answers([
    ["host", "tcp", "192.0.2.1", 8080, "a 192.0.2.1"],
    ["host", "udp", "127.0.0.1", 8080, "a 10.66.0.1"],
    ["host", "tcp", "127.0.0.1", 8080, "a 10.66.0.1"],
    ["host", "tcp", "2001:db8::1", 8080, "a 2001:db8::1"],
    ["host", "tcp", "::1", 8080, "ConnectionRefusedError"],
  ]);
});

test("with masqAll a published port shows the host's address to the container", () => {
  install(portmapObjects({ ...toB, masqAll: true, mappings: [to80("tcp", 8085)] }));
  answers([
    ["client", "tcp", "192.0.2.1", 8085, "b 10.66.0.1"],
    ["client", "tcp", "2001:db8::1", 8085, "b fd66::1"],
  ]);
});

test("a crafted SCTP packet arrives with its port translated, in both families", async () => {
  const route = { from: "client", at: "a" } as const;
  for (const to of ["192.0.2.1", "2001:db8::1"]) {
    const got = await heard(stage, route, { kind: "sctp", to, port: 8080 });
    expect([to, got]).toEqual([to, "port 80"]);
  }
});

describe("frames with addresses that are not their sender's", () => {
  const route = { from: "a", at: "host" } as const;
  const macOf = (place: Place, link: string): string =>
    JSON.parse(stage.run(place, "ip", "-j", "link", "show", link))[0].address;
  const frame = (from: string, to: string, fromMac?: string) =>
    heard(stage, route, {
      ...{ kind: "frame", from, to, port: 7777 },
      ...{ fromMac: fromMac ?? macOf("a", "eth0"), toMac: macOf("host", "br0") },
    });
  const deleteRules = (chain: string) => {
    const place = { family: "inet", table: "netloom_cni", chain } as const;
    nft.change(nft.rules(place).map(({ handle }) => ({ op: "delete-rule", ...place, handle })));
  };

  test("reach no service on 127.0.0.1, although route_localnet is on", async () => {
    expect(await frame("10.66.0.2", "127.0.0.1")).toBe("nothing");
  });

  test("pass for none of the host's loopback addresses", async () => {
    expect(await frame("127.0.0.1", "10.66.0.1")).toBe("nothing");
    expect(await frame("127.0.0.2", "10.66.0.1")).toBe("nothing");
  });

  test("would reach 127.0.0.1 without the guard's rule, so the first case can fail", async () => {
    deleteRules("guard");
    expect(nft.intact(skeleton)).toBe(false);
    expect(await frame("10.66.0.2", "127.0.0.1")).toBe("arrived");
    expect(nft.ensure(skeleton)).toBe(true);
    expect(await frame("10.66.0.2", "127.0.0.1")).toBe("nothing");
  });

  test("are dropped where the hardware address is guarded and not the port's own", async () => {
    const stranger = "02:00:00:00:0f:0f";
    expect(await frame("10.66.0.2", "10.66.0.1", stranger)).toBe("arrived");
    install(macGuardObjects({ ...portA, mac: macOf("a", "eth0") }));
    expect(await frame("10.66.0.2", "10.66.0.1", stranger)).toBe("nothing");
    expect(await frame("10.66.0.2", "10.66.0.1")).toBe("arrived");
  });
});
