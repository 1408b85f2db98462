/** The exam that a container runtime sits with our plugins: traffic, and nothing left behind. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { client, PrivateHost, root, uplink } from "../host/private-host.ts";
import { beyond, difference, mayStay, snapshot } from "../host/snapshot.ts";
import { ourDir } from "../support/reference.ts";
import type { Probe } from "../support/traffic.ts";
import { type Making, network, type Publication, type Runtime } from "./runtime.ts";

const ports: readonly Publication[] = [
  { hostPort: 8080, containerPort: 80, protocol: "tcp" },
  { hostPort: 5353, containerPort: 53, protocol: "udp" },
];

/** Sits the exam once, with the network made as `making` says. */
export function exam(runtime: Runtime, making: Making): void {
  describe(`${runtime.name} with ${making}`, () => {
    let host: PrivateHost;
    let scene: Scene;

    beforeAll(async () => {
      host = await PrivateHost.start();
      await host.installPlugins(ourDir());
      await runtime.start(host, making);
      const before = await snapshot(host);
      await runtime.run("a", ports);
      await runtime.run("b", []);
      const [a, b] = [await addressesOf(runtime, "a"), await addressesOf(runtime, "b")];
      scene = { runtime, host, before, a, b };
      await serve(host, ["80", "53"], ["--net", `--target=${await runtime.pid("a")}`]);
      await serve(host, ["7070"], []);
    }, 60_000);

    afterAll(async () => {
      await host?.close();
      await runtime.stop();
    }, 60_000);

    for (const [name, criterion] of criteria) test(name, () => criterion(scene), 60_000);
  });
}

/** Two containers run: `a`, which publishes ports, and `b`. */
interface Scene {
  readonly runtime: Runtime;
  readonly host: PrivateHost;
  /** What the host held before them. */
  readonly before: readonly string[];
  readonly a: Addresses;
  readonly b: Addresses;
}

const criteria: readonly (readonly [string, (scene: Scene) => Promise<void>])[] = [
  ["containers get addresses of both families, each its own", differentAddresses],
  ["containers reach each other", reachEachOther],
  ["containers reach the host", reachTheHost],
  ["containers reach the outside with the host's address", reachTheOutside],
  ["an outside client reaches the published ports, and is seen as itself", publishedOutside],
  ["host and containers reach a published port by the host's address", publishedInside],
  // The last: it removes the containers.
  ["after removal the host is as before, but for the stated list", nothingLeft],
];

async function differentAddresses({ a, b }: Scene) {
  const all = [a, b].flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]);
  const networks = all.map((address) => address.replace(/[^.:]+$/, ""));
  expect(networks).toEqual(["10.88.7.", "fd00:88:7::", "10.88.7.", "fd00:88:7::"]);
  expect(new Set(all).size).toBe(4);
}

async function reachEachOther({ runtime, a, b }: Scene) {
  for (const address of [b.ipv4, b.ipv6]) await ping(runtime, "a", address);
  for (const address of [a.ipv4, a.ipv6]) await ping(runtime, "b", address);
  expect(await answer(runtime, "b", a.ipv4, 80)).toBe(b.ipv4);
  expect(await answer(runtime, "b", a.ipv6, 80)).toBe(b.ipv6);
}

async function reachTheHost({ runtime, b }: Scene) {
  for (const address of [network.gateway4, network.gateway6, uplink.ipv4, uplink.ipv6]) {
    await ping(runtime, "a", address);
  }
  expect(await answer(runtime, "b", uplink.ipv4, 7070)).toBe(b.ipv4);
  expect(await answer(runtime, "b", uplink.ipv6, 7070)).toBe(b.ipv6);
}

async function reachTheOutside({ runtime, host }: Scene) {
  await serve(host, ["7071"], [`--net=/run/netns/${client.netns}`]);
  expect(await answer(runtime, "b", client.ipv4, 7071)).toBe(uplink.ipv4);
  expect(await answer(runtime, "b", client.ipv6, 7071)).toBe(uplink.ipv6);
}

async function publishedOutside({ host }: Scene) {
  const asked: Probe[] = [
    { kind: "tcp", address: uplink.ipv4, port: 8080 },
    { kind: "tcp", address: uplink.ipv6, port: 8080 },
    { kind: "udp", address: uplink.ipv4, port: 5353 },
    { kind: "udp", address: uplink.ipv6, port: 5353 },
    // Published for the other protocol alone.
    { kind: "udp", address: uplink.ipv4, port: 8080 },
    { kind: "tcp", address: uplink.ipv6, port: 5353 },
  ];
  const seen = [client.ipv4, client.ipv6, client.ipv4, client.ipv6, null, null];
  expect(await ask(host, [`--net=/run/netns/${client.netns}`], asked)).toEqual(seen);
}

async function publishedInside({ runtime, host }: Scene) {
  for (const address of [uplink.ipv4, uplink.ipv6]) {
    expect(await answer(runtime, "b", address, 8080)).not.toBe("");
    // The container that publishes it reaches itself that way.
    expect(await answer(runtime, "a", address, 8080)).not.toBe("");
  }
  const asked: Probe[] = [
    { kind: "tcp", address: uplink.ipv4, port: 8080 },
    { kind: "tcp", address: uplink.ipv6, port: 8080 },
    { kind: "udp", address: uplink.ipv4, port: 5353 },
    { kind: "udp", address: uplink.ipv6, port: 5353 },
  ];
  expect(await ask(host, [], asked)).not.toContain(null);
}

async function nothingLeft({ runtime, host, before }: Scene) {
  await runtime.remove("b");
  await runtime.remove("a");
  const left = difference(before, await snapshot(host));
  expect(beyond(mayStay(network), left)).toEqual({ added: [], removed: [] });
}

interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

async function addressesOf(runtime: Runtime, container: string): Promise<Addresses> {
  const text = await runtime.exec(container, ["ip", "address", "show", "eth0"]);
  const address = (pattern: RegExp) => pattern.exec(text)?.[1] ?? `none in ${text}`;
  return { ipv4: address(/inet ([\d.]+)/), ipv6: address(/inet6 (fd[\da-f:]+)/) };
}

async function ping(runtime: Runtime, from: string, address: string): Promise<void> {
  expect(await runtime.exec(from, ["ping", "-c", "1", "-W", "2", address])).toContain(
    "1 packets received",
  );
}

/** What the server says to a container's TCP connection: the address that it sees as the peer's. */
async function answer(runtime: Runtime, from: string, address: string, port: number) {
  const text = await runtime.exec(from, ["nc", "-w", "2", address, String(port)]);
  return text.trim();
}

/** Starts the tests' server in a namespace inside the host that nsenter's options name. */
async function serve(host: PrivateHost, ports: string[], place: string[]): Promise<void> {
  const program = [process.execPath, `${root}test/support/traffic-server.ts`, ...ports];
  const server = host.spawn(["nsenter", ...place, ...program]);
  const { value } = await server.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toContain("ready");
}

/** What each probe, sent from there, was answered; null where nothing came back. */
async function ask(host: PrivateHost, place: string[], probes: readonly Probe[]) {
  const program = [process.execPath, `${root}test/support/traffic-client.ts`];
  const text = await host.run(["nsenter", ...place, ...program], { stdin: JSON.stringify(probes) });
  return JSON.parse(text) as (string | null)[];
}
