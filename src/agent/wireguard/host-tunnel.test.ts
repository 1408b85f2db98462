/** When the host's tunnel comes, changes and goes, by a kernel that only notes what it is told. */
import { beforeEach, describe, expect, test } from "bun:test";
import { rotateKeyAnnotation } from "../../api/kinds/host.ts";
import { HostTunnel } from "./host-tunnel.ts";
import { newKeyPair } from "./key-pair.ts";
import { tunnelAddressOf } from "./tunnel-address.ts";
import type { Tunnel } from "./tunnel-kernel.ts";

const underlay = (last: number) => [{ address: `192.0.2.${last}`, prefixLength: 24, mtu: 1500 }];
const pairs = [await newKeyPair(), await newKeyPair()];
const needs = (...hosts: string[]) => new Map(hosts.map((host) => [host, [] as string[]]));

let told: { tunnel: Tunnel; isWhole: boolean }[];
let held: number;
let removed: number;
let failure: Error | undefined;
let events: string[];
let hosts: Record<string, any>;
let networks: object[];
let isHeard: boolean;
let annotations: Record<string, string>;
let tunnel: HostTunnel;

beforeEach(() => {
  held = 0;
  [told, removed, failure, events, isHeard, annotations] = [[], 0, undefined, [], true, {}];
  hosts = { b: { underlay: underlay(2), publicKey: "B" } };
  networks = [];
  let asked: string | undefined;
  tunnel = new HostTunnel({
    host: "a",
    spec: {
      get isComplete() {
        return true;
      },
      get revision() {
        return isHeard ? "7" : undefined;
      },
      host: () => ({ metadata: { annotations }, status: { underlay: underlay(1) } }) as never,
      all: (plural: string) =>
        (plural === "networks"
          ? networks
          : Object.entries(hosts).map(([name, spec]) => ({ metadata: { name }, spec }))) as never,
    },
    kernel: {
      bring(tunnel, isWhole) {
        if (failure) throw failure;
        told.push({ tunnel, isWhole });
        return [];
      },
      hold() {
        held++;
        return [];
      },
      remove: () => ++removed > 0,
    },
    keys: {
      load: async () => pairs[0]!,
      rotateFor: async (text) => {
        if (text === asked) return undefined;
        asked = text;
        return pairs[1]!;
      },
    },
    log: ({ event }) => events.push(event as string),
    users: ["overlays", "routed"],
  });
});

const peers = () => told.at(-1)?.tunnel.config.peers.map(({ publicKey }) => publicKey);

describe("a host's tunnel", () => {
  test("has a key, and nothing in the kernel, once a network needs it", async () => {
    await tunnel.pass();
    expect(tunnel.publicKey).toBeUndefined();
    networks = [{ spec: { type: "overlay", encryption: "wireguard" } }];
    let news = 0;
    tunnel.onNews = () => news++;
    await tunnel.pass();
    expect([tunnel.publicKey, news, told]).toEqual([pairs[0]!.publicKey, 1, []]);
  });

  test("keeps packets back before it has a key", () => {
    expect(tunnel.isHeld).toBe(false);
    tunnel.want("overlays", needs("b"));
    expect([tunnel.isHeld, held, told.length]).toEqual([true, 1, 0]);
    tunnel.want("overlays", undefined);
    tunnel.want("routed", undefined);
    expect([tunnel.isHeld, removed]).toEqual([false, 1]);
  });

  test("comes with the first wish, at once where the key is there, and goes with the last", async () => {
    tunnel.want("overlays", needs("b"));
    expect(tunnel.stateOf("b")?.why).toContain("not made yet");
    await tunnel.pass();
    expect(tunnel.stateOf("b")).toBeUndefined();
    expect(told.at(-1)!.tunnel).toMatchObject({ address: tunnelAddressOf("a"), mtu: 1440 });
    tunnel.want("routed", needs("c"));
    expect(tunnel.stateOf("c")?.why).toContain("nothing is known yet");
    expect([peers(), removed]).toEqual([["B"], 0]);
    tunnel.want("overlays", undefined);
    expect([peers(), removed]).toEqual([[], 0]);
    tunnel.want("routed", undefined);
    expect(removed).toBe(1);
    await tunnel.pass();
    expect(removed).toBe(1);
  });

  test("loses nothing before all who may want it have said so, and the whole spec was heard", () => {
    tunnel.want("overlays", undefined);
    expect(removed).toBe(0);
    isHeard = false;
    tunnel.want("routed", undefined);
    expect(removed).toBe(0);
    isHeard = true;
    tunnel.want("routed", needs());
    tunnel.want("routed", undefined);
    expect(removed).toBe(1);
  });

  test("takes a peer whose key comes later, and keeps one whose host is silent", async () => {
    hosts.c = { underlay: underlay(3) };
    tunnel.want("overlays", needs("b", "c"));
    await tunnel.pass();
    expect(tunnel.stateOf("c")?.why).toContain("its WireGuard key is not known yet");
    hosts.c = { underlay: underlay(3), publicKey: "C" };
    delete hosts.b;
    await tunnel.pass();
    expect([peers(), tunnel.stateOf("b"), tunnel.stateOf("c")]).toEqual([
      ["B", "C"],
      undefined,
      undefined,
    ]);
  });

  test("is not looked at again while nothing is to be otherwise, unless an outside hand was there", async () => {
    tunnel.want("overlays", needs("b"));
    await tunnel.pass();
    await tunnel.pass();
    expect(told).toHaveLength(1);
    tunnel.distrust();
    await tunnel.pass();
    expect(told).toHaveLength(2);
  });

  test("has a new key on its own link before others hear of it, once for each asking", async () => {
    tunnel.want("overlays", needs("b"));
    await tunnel.pass();
    const seen: (string | undefined)[] = [];
    tunnel.onNews = () => seen.push(tunnel.publicKey, told.at(-1)!.tunnel.config.privateKey);
    annotations[rotateKeyAnnotation] = "2026";
    await tunnel.pass();
    await tunnel.pass();
    expect(seen).toEqual([pairs[1]!.publicKey, pairs[1]!.privateKey]);
    expect(events.filter((event) => event === "key rotated")).toHaveLength(1);
  });

  test("says why it can't be, to all that want it, and tries again soon", async () => {
    failure = new Error("This kernel lacks wireguard");
    tunnel.want("overlays", needs("b"));
    expect(await tunnel.pass()).toBeLessThan(5_000);
    expect([tunnel.trouble, tunnel.stateOf("b")]).toEqual([
      failure.message,
      { why: failure.message },
    ]);
    failure = undefined;
    await tunnel.pass();
    expect([tunnel.trouble, tunnel.stateOf("b")]).toEqual([undefined, undefined]);
    expect(events).toContain("tunnel not in force");
  });
});
