/** What a WireGuard link is told, from what it should be and what it is. */
import { describe, expect, test } from "bun:test";
import type {
  WireguardChange,
  WireguardConfig,
  WireguardPeer,
  WireguardState,
} from "../model/wireguard.ts";
import { planWireguard } from "./wireguard.ts";

const endpoint = { address: "192.0.2.2", port: 51820 };
const peer = (publicKey: string, allowedIps: string[], more = {}): WireguardPeer => ({
  publicKey,
  endpoint,
  allowedIps,
  ...more,
});
const config = (...peers: WireguardPeer[]): WireguardConfig => ({
  privateKey: "own",
  listenPort: 51820,
  peers,
});
const counters = { rxBytes: 0n, txBytes: 0n };
const state = (...peers: WireguardPeer[]): WireguardState => ({
  privateKey: "own",
  publicKey: "own-public",
  listenPort: 51820,
  peers: peers.map((known) => ({ ...known, ...counters })),
});
const a = peer("a", ["10.1.0.0/24", "fd00:1::/64"]);
const b = peer("b", ["10.2.0.0/24"]);

const cases: [string, WireguardConfig, WireguardState, WireguardChange | undefined][] = [
  ["is nothing when nothing differs", config(a, b), state(b, a), undefined],
  [
    "is nothing for prefixes and endpoints written otherwise",
    config(
      peer("a", ["10.1.0.9/24", "FD00:1:0::/64"], {
        endpoint: { address: "2001:DB8:0::1", port: 1 },
      }),
    ),
    state({ ...a, endpoint: { address: "2001:db8::1", port: 1 } }),
    undefined,
  ],
  ["makes a new peer whole", config(a), state(), { peers: [{ ...a }] }],
  [
    "removes a peer last, when its prefixes are another's already",
    config(peer("n", ["10.1.0.0/24"])),
    state(peer("a", ["10.1.0.0/24"])),
    { peers: [peer("n", ["10.1.0.0/24"]), { publicKey: "a", remove: true }] },
  ],
  [
    "adds a prefix without the others",
    config(peer("b", ["10.2.0.0/24", "10.3.0.0/24"])),
    state(b),
    { peers: [{ publicKey: "b", allowedIps: ["10.3.0.0/24"] }] },
  ],
  [
    "gives the rest anew where a prefix goes",
    config(peer("a", ["10.1.0.0/24"])),
    state(a),
    { peers: [{ publicKey: "a", allowedIps: ["10.1.0.0/24"], replacesAllowedIps: true }] },
  ],
  [
    "moves a prefix with one word to who gets it",
    config(peer("a", ["10.1.0.0/24"]), peer("b", ["10.2.0.0/24", "fd00:1::/64"])),
    state(a, b),
    { peers: [{ publicKey: "b", allowedIps: ["fd00:1::/64"] }] },
  ],
  [
    "gives a prefix that two want to the first",
    config(peer("a", ["10.1.0.0/24"]), peer("b", ["10.1.0.0/24"])),
    state(peer("a", ["10.1.0.0/24"]), peer("b", [])),
    undefined,
  ],
  [
    "takes the first of two peers with one key",
    config(a, { ...a, endpoint: undefined }),
    state(a),
    undefined,
  ],
  [
    "takes the last prefix of a peer away",
    config(peer("b", [])),
    state(b),
    { peers: [{ publicKey: "b", allowedIps: [], replacesAllowedIps: true }] },
  ],
  [
    "says where a peer is now",
    config({ ...b, endpoint: { address: "192.0.2.3", port: 51820 } }),
    state(b),
    { peers: [{ publicKey: "b", endpoint: { address: "192.0.2.3", port: 51820 } }] },
  ],
  [
    "lets a peer without an endpoint be where it was heard",
    config({ ...b, endpoint: undefined }),
    state(b),
    undefined,
  ],
  [
    "turns keepalives off that are not wanted",
    config(b),
    state({ ...b, keepaliveS: 25 }),
    { peers: [{ publicKey: "b", keepaliveS: 0 }] },
  ],
  [
    "changes the own key and leaves the peers alone",
    { ...config(b), privateKey: "next" },
    state(b),
    { privateKey: "next", peers: [] },
  ],
  [
    "sets all of a fresh link",
    { ...config(b), fwmark: 7 },
    { listenPort: 0, peers: [] },
    { privateKey: "own", listenPort: 51820, fwmark: 7, peers: [{ ...b }] },
  ],
];

describe("the plan of a WireGuard link", () => {
  test.each(cases)("%s", (_, wanted, observed, change) => {
    expect(planWireguard(wanted, observed)).toEqual(change);
  });
  test("refuses what is no prefix", () => {
    expect(() => planWireguard(config(peer("a", ["10.1.0.0"])), state())).toThrow("10.1.0.0");
  });
  test("is nothing once it is done, whatever came before", () => {
    for (const [, wanted] of cases) {
      for (const [, , observed] of cases) {
        const change = planWireguard(wanted, observed);
        const done = change ? carriedOut(observed, change) : observed;
        expect(planWireguard(wanted, done)).toBeUndefined();
      }
    }
  });
});

/** What the kernel would make of it: a prefix given to one is taken from who had it. */
function carriedOut(observed: WireguardState, change: WireguardChange): WireguardState {
  const { peers: changes, ...own } = change;
  const peers = new Map(observed.peers.map((known) => [known.publicKey, known]));
  for (const { publicKey, remove, replacesAllowedIps, allowedIps = [], ...rest } of changes) {
    for (const [key, known] of peers) {
      const left = known.allowedIps.filter((prefix) => !allowedIps.includes(prefix));
      peers.set(key, { ...known, allowedIps: left });
    }
    const known = peers.get(publicKey);
    const kept = replacesAllowedIps ? [] : (known?.allowedIps ?? []);
    const all = [...kept, ...allowedIps];
    peers.set(publicKey, { ...counters, ...known, ...rest, publicKey, allowedIps: all });
    if (remove) peers.delete(publicKey);
  }
  return { ...observed, ...own, peers: [...peers.values()] };
}
