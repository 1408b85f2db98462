/** What encrypted overlays want of the host's tunnel, and what is told where they don't get it. */
import { beforeEach, describe, expect, test } from "bun:test";
import { overlayKey } from "../../engine/overlay-place.ts";
import { enterTunnel, unreachedOverlays, wantTunnel } from "./encryption.ts";

let networks: object[];
let overlays: object[];
let endpoints: [network: string, host: string][];
let wants: [string, unknown, unknown][];
let trouble: string | undefined;

const network = (name: string, spec: object) => ({
  metadata: { namespace: "a", name, uid: `uid of ${name}` },
  spec: { type: "overlay", ...spec },
});
const segment = (name: string, more: object = {}) => ({
  place: { key: overlayKey(`uid of ${name}`) },
  ...more,
});
const agent = {
  overlays: { all: () => overlays },
  spec: {
    all: (plural: string) =>
      plural === "networks"
        ? networks
        : endpoints.map(([network, host]) => ({ spec: { network, host } })),
  },
  tunnel: {
    get trouble() {
      return trouble;
    },
    want: (...args: [string, unknown, unknown]) => wants.push(args),
    pass: async () => 0,
    stateOf: (host: string) => (host === "h3" ? { why: "its key is not known" } : undefined),
  },
} as never;
const wanted = () => {
  wants = [];
  wantTunnel(agent);
  return wants;
};

const sealed = { encryption: "wireguard" };
beforeEach(() => {
  networks = [network("blue", sealed), network("red", {})];
  [overlays, endpoints, wants, trouble] = [[], [], [], undefined];
});

describe("of the tunnel is wanted", () => {
  test("nothing while the host has no encrypted segment", () => {
    overlays = [segment("red")];
    endpoints = [["a/red", "h2"]];
    expect(wanted()).toEqual([["overlays", undefined, new Map()]]);
  });

  test("each host with ports on an encrypted segment, by the network's family", () => {
    networks.push(network("cyan", { ...sealed, underlayProtocol: "ipv6" }));
    overlays = [segment("blue"), segment("cyan"), segment("red")];
    endpoints = [
      ["a/blue", "h2"],
      ["a/cyan", "h2"],
      ["a/cyan", "h3"],
      ["a/red", "h4"],
    ];
    const protocols = new Map([
      ["h2", "ipv4"],
      ["h3", "ipv6"],
    ]);
    expect(wanted()).toEqual([
      ["overlays", new Map([...protocols.keys()].map((at) => [at, []])), protocols],
    ]);
  });

  test("that it is there, while all ports are here", () => {
    overlays = [segment("blue")];
    expect(wanted()).toEqual([["overlays", new Map(), new Map()]]);
  });

  test("what a segment whose network is gone wanted, until its ports are gone", () => {
    networks = [];
    overlays = [segment("blue", { isEncrypted: true })];
    expect(wanted()).toEqual([["overlays", new Map(), new Map()]]);
    overlays = [segment("blue", { isEncrypted: false })];
    expect(wanted()).toEqual([["overlays", undefined, new Map()]]);
    // Of an earlier agent: who knows.
    overlays = [segment("blue")];
    expect(wanted()).toEqual([]);
  });
});

test("hosts that are not reached are told by network, with the reason", () => {
  overlays = [segment("blue"), segment("red")];
  endpoints = [
    ["a/blue", "h2"],
    ["a/blue", "h3"],
    ["a/red", "h3"],
  ];
  expect(unreachedOverlays(agent)).toEqual([
    'network "a/blue" does not reach host "h3": its key is not known',
  ]);
});

test("a port is refused where the host can't have a tunnel, with the reason", async () => {
  const [blue] = networks as [never];
  await enterTunnel(agent, blue);
  trouble = "This kernel lacks wireguard: load the module";
  await expect(enterTunnel(agent, blue)).rejects.toMatchObject({
    code: 11,
    message: expect.stringContaining(
      'network "a/blue": nothing of it may leave this host unencrypted',
    ),
  });
});
