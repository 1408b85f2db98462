/** Whose packets are let in, and for how long. */
import { expect, test } from "bun:test";
import type { HostPeer } from "../../api/elsewhere.ts";
import { KnownHosts } from "./known-hosts.ts";

const peer = (name: string, ...addresses: string[]) =>
  ({
    metadata: { name },
    spec: { underlay: addresses.map((address) => ({ address, prefixLength: 24, mtu: 1500 })) },
  }) as unknown as HostPeer;

const told = (hosts: KnownHosts, ...peers: HostPeer[]) => [...hosts.addresses(peers)].sort();

test("all addresses of all hosts, as the kernel writes them", () => {
  const peers = [peer("h1", "198.18.0.1", "2001:DB8:0::1"), peer("h2", "198.18.0.2", "198.18.1.2")];
  const known = ["198.18.0.1", "198.18.0.2", "198.18.1.2", "2001:db8::1"];
  expect(told(new KnownHosts(), ...peers)).toEqual(known);
});

test("a host that tells none of a family for a moment is where it was", () => {
  const hosts = new KnownHosts();
  told(hosts, peer("h1", "198.18.0.1", "2001:db8::1"));
  expect(told(hosts, peer("h1"))).toEqual(["198.18.0.1", "2001:db8::1"]);
  expect(told(hosts, peer("h1", "198.18.0.9"))).toEqual(["198.18.0.9", "2001:db8::1"]);
  expect(told(hosts)).toEqual([]);
  expect(told(hosts, peer("h1"))).toEqual([]);
});

test("an address that no host has goes after five minutes, counted anew when one had it between", () => {
  const hosts = new KnownHosts();
  const minute = 60_000;
  expect(hosts.due(["198.18.0.1"], 0)).toEqual([]);
  expect(hosts.due(["198.18.0.1", "198.18.0.2"], 4 * minute)).toEqual([]);
  expect(hosts.due(["198.18.0.1", "198.18.0.2"], 5 * minute)).toEqual(["198.18.0.1"]);
  expect(hosts.due([], 6 * minute)).toEqual([]);
  expect(hosts.due(["198.18.0.2"], 9 * minute)).toEqual([]);
  expect(hosts.due(["198.18.0.2"], 14 * minute)).toEqual(["198.18.0.2"]);
});
