/** What a segment knows of ports on all hosts. */
import { expect, test } from "bun:test";
import type { Endpoint, HostPeer } from "../../api/elsewhere.ts";
import type { Network } from "../../api/kinds/index.ts";
import { entryRequests, type SegmentEntries } from "../../engine/segment-entries.ts";
import { tunnelAddressOf } from "../wireguard/tunnel-address.ts";
import { type OwnPort, segmentEntries } from "./entries.ts";

const network = (spec: object = {}) =>
  ({ metadata: { namespace: "a", name: "blue" }, spec: { type: "overlay", ...spec } }) as Network;

const peer = (name: string, n: number): [string, HostPeer] => [
  name,
  {
    metadata: { name },
    spec: {
      underlay: [
        { address: `192.0.2.${n}`, prefixLength: 24, mtu: 1500 },
        { address: `2001:db8::${n}`, prefixLength: 64, mtu: 1500 },
      ],
    },
  } as unknown as HostPeer,
];
const peers = new Map([peer("h2", 2), peer("h3", 3)]);

const endpoint = (name: string, host: string, epoch = 1): Endpoint =>
  ({
    metadata: { namespace: "a", name },
    spec: {
      ...{ network: "a/blue", host, epoch, mac: `mac of ${name}` },
      addresses: [`10.1.0.${name.length}`, "FD00::5"],
    },
  }) as unknown as Endpoint;

const own = (name: string, epoch?: number): OwnPort => ({
  ...{ name: `a/${name}`, mac: `own mac of ${name}`, addresses: ["10.1.0.77"] },
  ...(epoch !== undefined && { epoch }),
});

const told = (entries: SegmentEntries) => [...entries.values()];

test("a port elsewhere has its host, and its addresses are answered for", () => {
  const entries = segmentEntries({
    ...{ network: network(), endpoints: [endpoint("web", "h2")], peers, own: [] },
  });
  expect(told(entries)).toEqual([
    { kind: "flood", host: "192.0.2.2" },
    { kind: "remote", mac: "mac of web", host: "192.0.2.2" },
    { kind: "behind", mac: "mac of web" },
    { kind: "neigh", address: "10.1.0.3", mac: "mac of web" },
    { kind: "neigh", address: "fd00::5", mac: "mac of web" },
  ]);
});

test("in tunnels hosts are reached by their names, whatever else is known of them", () => {
  const entries = segmentEntries({
    network: network({ encryption: "wireguard" }),
    ...{ endpoints: [endpoint("web", "h9")], peers, own: [] },
  });
  const host = tunnelAddressOf("h9");
  expect(told(entries).slice(0, 2)).toEqual([
    { kind: "flood", host },
    { kind: "remote", mac: "mac of web", host },
  ]);
});

test("hosts are reached by the family that the network's packets travel by", () => {
  const entries = segmentEntries({
    network: network({ underlayProtocol: "ipv6" }),
    ...{ endpoints: [endpoint("web", "h2")], peers, own: [] },
  });
  expect(told(entries)[0]).toEqual({ kind: "flood", host: "2001:db8::2" });
});

test("without multicast nothing is flooded, and a host of unknown address has no entries", () => {
  const endpoints = [endpoint("web", "h2"), endpoint("db", "h9")];
  const entries = segmentEntries({
    ...{ network: network({ multicast: false }), endpoints, peers, own: [] },
  });
  expect(told(entries).map(({ kind }) => kind)).toEqual(["remote", "behind", "neigh", "neigh"]);
});

const moves: [string, OwnPort, Endpoint, string][] = [
  ["is here by a later binding", own("web", 5), endpoint("web", "h2", 4), "own mac of web"],
  ["is here by one that is not told yet", own("web"), endpoint("web", "h2", 4), "own mac of web"],
  ["is elsewhere by a later binding", own("web", 3), endpoint("web", "h2", 4), "mac of web"],
];
test.each(moves)("a port that moved %s", (_, here, there, mac) => {
  for (const endpoints of [[there], [there, endpoint("other", "h3")]]) {
    const entries = segmentEntries({ network: network(), endpoints, peers, own: [here] });
    const macs = told(entries).flatMap((entry) =>
      entry.kind === "neigh" && entry.mac.endsWith("mac of web") ? [entry.mac] : [],
    );
    expect(new Set(macs)).toEqual(new Set([mac]));
  }
});

test("a container that is left where its port moved from can't take the address back", () => {
  const kinds = (epoch: number) =>
    told(
      segmentEntries({
        ...{ network: network(), peers, own: [own("web", epoch)] },
        endpoints: [endpoint("web", "h2", 4)],
      }),
    ).map(({ kind }) => kind);
  expect(kinds(3)).toEqual(["flood", "remote", "moved", "neigh", "neigh"]);
  expect(kinds(5)).toEqual(["flood", "neigh"]);
});

test("from one state to another what goes, goes first, and what is the same stays", () => {
  const at = (host: string) =>
    segmentEntries({
      ...{ network: network(), endpoints: [endpoint("web", host)], peers, own: [] },
    });
  const links = { bridge: 3, vxlan: 4 };
  const ops = (from: SegmentEntries, to: SegmentEntries) =>
    entryRequests(from, to, { links }).map(({ op }) => op);
  expect(ops(at("h2"), at("h2"))).toEqual([]);
  expect(ops(at("h2"), at("h3"))).toEqual([
    "remove forwarding entry 00:00:00:00:00:00 from link 4",
    "append forwarding entry 00:00:00:00:00:00 on link 4",
    "set forwarding entry mac of web on link 4",
  ]);
  expect(ops(at("h2"), new Map())).toHaveLength(5);
});
