/** A link's guard on the real kernel, as nft itself reads it. Its packets: test/packets/. */
import { expect, test } from "bun:test";
import { ScratchNetns } from "../netns/scratch.ts";
import { type Guard, installGuard, isGuardWhole, removeGuard } from "./link-guard.ts";

const ra: Guard = { table: "netloom_cni_1", device: "eth0", dropsRouterAdverts: true };
const all: Guard = {
  ...ra,
  mac: "02:00:00:00:00:07",
  addresses: ["10.1.0.5", "fd00::5"],
};

function box(): ScratchNetns {
  const netns = new ScratchNetns("guard");
  netns.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "far");
  return netns;
}

const listed = (netns: ScratchNetns) =>
  netns.run("nft", "-n", "list", "ruleset").replaceAll(/ comment "[^"]*"|\t/g, "");

test("a guard against advertisements is what nft would have made of it", () => {
  using netns = box();
  using socket = netns.socket("netfilter");
  installGuard(socket, ra);
  expect(listed(netns)).toBe(`table netdev netloom_cni_1 {
chain out {
type filter hook egress device "eth0" priority 0; policy accept;
@ll,96,16 0x86dd meta protocol != 0x86dd drop
icmpv6 type 134 drop
}
}
`);
  expect(isGuardWhole(socket, ra)).toBe(true);
});

test("a guard of all addresses lets out its own alone", () => {
  using netns = box();
  using socket = netns.socket("netfilter");
  installGuard(socket, all);
  const text = listed(netns);
  for (const rule of [
    "@ll,48,48 != 0x20000000007 drop",
    "meta protocol 0x0806 goto arp",
    "@nh,112,32 0xa010005 accept",
    "@nh,96,32 0xa010005 accept",
    "@nh,64,128 0xfd000000000000000000000000000005 accept",
    "@nh,64,128 0xfe80000000000000000000fffe000007 accept",
    "goto ip6from",
  ]) {
    expect(text).toContain(`\n${rule}\n`);
  }
});

test("a second installation replaces the first, and a look tells them apart", () => {
  using netns = box();
  using socket = netns.socket("netfilter");
  installGuard(socket, all);
  expect([isGuardWhole(socket, all), isGuardWhole(socket, ra)]).toEqual([true, false]);
  installGuard(socket, ra);
  expect([isGuardWhole(socket, all), isGuardWhole(socket, ra)]).toEqual([false, true]);
  netns.run("nft", "flush", "chain", "netdev", ra.table, "out");
  expect(isGuardWhole(socket, ra)).toBe(false);
});

test("a guard goes, once and again, also after its link", () => {
  using netns = box();
  using socket = netns.socket("netfilter");
  installGuard(socket, all);
  netns.run("ip", "link", "del", "eth0");
  removeGuard(socket, all.table);
  removeGuard(socket, all.table);
  expect(listed(netns)).toBe("");
});
