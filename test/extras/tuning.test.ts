/** `tuning`: what it changes, what CHECK tells of it, and that DEL puts everything back. */
import { describe, expect, test } from "bun:test";
import { probe } from "../support/traffic.ts";
import { ExtrasStage, ways } from "./stage.ts";

const mac = "02:11:22:33:44:55";
const settings = { mac, mtu: 1400, promisc: true, allmulti: true, txQLen: 77 };
const sysctl = {
  "net.ipv4.conf.IFNAME.arp_filter": "1",
  "net/ipv4/conf/eth0/log_martians": "1",
  "net.ipv4.ping_group_range": "0 1000",
};

const tuned = { address: mac, mtu: 1400, txqlen: 77, promisc: true, allmulti: true };

describe.each(ways)("tuning %s", (way) => {
  test("changes the link and the sysctls, tells them in the result, and CHECK passes", async () => {
    await using stage = await ExtrasStage.create(way, { tuning: { ...settings, sysctl } });
    const result = await stage.add();
    const own = result.interfaces.find(({ name }: { name: string }) => name === "eth0");
    expect([own.mac, own.mtu]).toEqual([mac, 1400]);
    expect(await stage.link()).toEqual(tuned);
    expect(await stage.sysctl("net/ipv4/conf/eth0/arp_filter")).toBe("1");
    expect(await stage.sysctl("net/ipv4/conf/eth0/log_martians")).toBe("1");
    expect(await stage.sysctl("net/ipv4/ping_group_range")).toBe("0\t1000");
    expect((await stage.call("CHECK")).stdout).toBe("");
    const reached = await probe(stage.host.netns, [
      { kind: "ping", address: "10.5.0.2" },
      { kind: "ping", address: "fd05::2" },
    ]);
    expect(reached).toEqual(["reached", "reached"]);
    expect((await stage.call("DEL")).stdout).toBe("");
    expect(await stage.sysctl("net/ipv4/ping_group_range")).toBe("1\t0");
    expect((await stage.call("DEL")).stdout).toBe("");
  });

  test.each([
    ["the hardware address", "ip link set eth0 address 02:00:00:00:00:99", "eth0"],
    ["the MTU", "ip link set eth0 mtu 1300", "settings of link"],
    ["promiscuous mode", "ip link set eth0 promisc off", "settings of link"],
    ["a sysctl", "echo 0 > /proc/sys/net/ipv4/conf/eth0/arp_filter", "arp_filter"],
  ])("CHECK tells that an outside hand changed %s", async (_, script, words) => {
    await using stage = await ExtrasStage.create(way, { tuning: { ...settings, sysctl } });
    await stage.add();
    await stage.host.shell(script, stage.container);
    const answer = await stage.call("CHECK");
    expect(answer.json.code).toBe(103);
    expect(answer.json.msg).toContain(words);
  });
});

test("tuning puts back what it changed, once and for all", async () => {
  await using stage = await ExtrasStage.create("chained", { tuning: { ...settings, sysctl } });
  const result = await stage.add();
  const before = result.interfaces.find(({ name }: { name: string }) => name === "eth0");
  await stage.removeExtras();
  const link = await stage.link();
  expect(link).toEqual({
    ...{ address: link.address, mtu: 1500, txqlen: 1000, promisc: false, allmulti: false },
  });
  expect(link.address).not.toBe(before.mac);
  expect(await stage.sysctl("net/ipv4/conf/eth0/arp_filter")).toBe("0");
  expect(await stage.sysctl("net/ipv4/ping_group_range")).toBe("1\t0");
  await stage.host.shell("ip link set eth0 mtu 1300", stage.container);
  await stage.removeExtras();
  expect((await stage.link()).mtu).toBe(1300);
});

test("tuning is taken away without the namespace", async () => {
  await using stage = await ExtrasStage.create("chained", { tuning: { ...settings, sysctl } });
  await stage.add();
  await stage.host.shell(`ip netns del ${stage.container}`);
  expect((await stage.call("DEL")).stdout).toBe("");
  expect((await stage.call("DEL", { container: undefined })).stdout).toBe("");
});
