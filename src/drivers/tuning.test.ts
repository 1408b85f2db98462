/** What tuning takes, what it wants changed, and what it keeps to put back. */
import { describe, expect, test } from "bun:test";
import { ConfigError } from "../model/config-error.ts";
import { plainHost, plainPort } from "./driver-fixture.ts";
import type { AttachedPort } from "./extra.ts";
import { tuning } from "./tuning.ts";
import { parseTuningConfig, type TuningConfig } from "./tuning-config.ts";

const mac = "02:11:22:33:44:55";
const other = "02:11:22:33:44:66";
const third = "02:11:22:33:44:77";

describe("the configuration", () => {
  const taken: [string, Record<string, unknown>, TuningConfig | undefined][] = [
    ["nothing", {}, undefined],
    [
      "null everywhere",
      { sysctl: null, mac: null, mtu: null, allmulti: null, args: null },
      undefined,
    ],
    ["empty values", { sysctl: { "net.core.x": "" }, mac: "", mtu: 0, promisc: false }, undefined],
    ["a MAC in another notation", { mac: "02-11-22-33-44-55" }, { sysctls: [], mac }],
    ["allmulti off", { allmulti: false }, { sysctls: [], allmulti: false }],
    ["a queue of none", { txQLen: 0 }, { sysctls: [], txQueueLength: 0 }],
    [
      "the runtime's MAC first",
      { mac, runtimeConfig: { mac: other } },
      { sysctls: [], mac: other },
    ],
    [
      "args.cni before all",
      {
        ...{ mac, mtu: 1500, promisc: true, allmulti: true, txQLen: 5 },
        runtimeConfig: { mac: other },
        args: { cni: { mac: third, mtu: 1400, promisc: false, allmulti: false, txQLen: 6 } },
      },
      { sysctls: [], mac: third, mtu: 1400, allmulti: false, txQueueLength: 6 },
    ],
    [
      "sysctls of both, those of args.cni counting more",
      { sysctl: { "net.a": "1", "net.b": "1" }, args: { cni: { sysctl: { "net.b": "2" } } } },
      {
        sysctls: [
          { key: "net.a", path: "net/a", value: "1" },
          { key: "net.b", path: "net/b", value: "2" },
        ],
      },
    ],
  ];
  test.each(taken)("takes %s", (_, input, config) => {
    expect(parseTuningConfig(input)).toEqual(config);
  });

  test("takes the MAC of CNI_ARGS before its own, after the runtime's", () => {
    expect(parseTuningConfig({ mac }, other)?.mac).toBe(other);
    expect(parseTuningConfig({ runtimeConfig: { mac } }, other)?.mac).toBe(mac);
  });

  const paths: [string, string][] = [
    ["net.ipv4.ip_forward", "net/ipv4/ip_forward"],
    ["net..ipv4.ip_forward", "net/ipv4/ip_forward"],
    ["net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"],
    ["net.ipv4.conf.IFNAME.forwarding", "net/ipv4/conf/IFNAME/forwarding"],
    ["net.ipv4/conf/all.forwarding", "net/ipv4/conf/all/forwarding"],
  ];
  test.each(paths)("reads the key %s", (key, path) => {
    expect(parseTuningConfig({ sysctl: { [key]: "1" } })?.sysctls[0]?.path).toBe(path);
  });

  const refused: [string, Record<string, unknown>, string][] = [
    [
      "another machine's setting",
      { sysctl: { "kernel.hostname": "x" } },
      'sysctl["kernel.hostname"]',
    ],
    ["a way out", { sysctl: { "net/../kernel/x": "1" } }, 'sysctl["net/../kernel/x"]'],
    ["a folder", { sysctl: { net: "1" } }, 'sysctl["net"]'],
    ["a key that only begins like it", { sysctl: { "netfilter.x": "1" } }, 'sysctl["netfilter.x"]'],
    ["an empty key", { sysctl: { "": "1" } }, 'sysctl[""]'],
    ["a number for a value", { sysctl: { "net.a": 1 } }, "sysctl.net.a"],
    ["sysctls as a list", { sysctl: [] }, "sysctl"],
    ["a group's MAC", { mac: "01:00:5e:00:00:01" }, "mac"],
    ["an MTU below zero", { mtu: -1 }, "mtu"],
    ["promisc as text", { promisc: "yes" }, "promisc"],
    ["allmulti as a number", { allmulti: 1 }, "allmulti"],
    ["a queue below zero", { txQLen: -1 }, "txQLen"],
    ["args.cni that is wrong", { args: { cni: { mtu: "x" } } }, "args.cni.mtu"],
    [
      "sysctls of args.cni elsewhere",
      { args: { cni: { sysctl: { "vm.x": "1" } } } },
      'args.cni.sysctl["vm.x"]',
    ],
  ];
  test.each(refused)("refuses %s with the field's path", (_, input, path) => {
    const attempt = () => parseTuningConfig(input);
    expect(attempt).toThrow(ConfigError);
    expect(attempt).toThrow(path);
  });
});

describe("the objects", () => {
  const link = {
    index: 2,
    mac: other,
    mtu: 1500,
    up: true,
    promisc: false,
    allmulti: true,
    txQueueLength: 9,
  };
  const port: AttachedPort = { ...plainPort, via: {}, link };
  const host = { ...plainHost, sysctl: (_: string, path: string) => `old ${path}` };
  const config = parseTuningConfig({
    ...{ mac, mtu: 1400, sysctl: { "net.ipv4.conf.IFNAME.x": "1", "net.y": "2" } },
  })!;

  test("keep what is there now, of what they change alone", () => {
    const objects = tuning.objects(port, config, host);
    expect(objects.map((object) => "before" in object && object.before)).toEqual([
      "old net/ipv4/conf/eth0/x",
      "old net/y",
      { mac: other, mtu: 1500 },
    ]);
    expect(objects.map((object) => "link" in object && object.link)).toEqual([
      "eth0",
      false,
      "eth0",
    ]);
  });

  test("keep nothing of a link that is only being made", () => {
    const { link: _, ...unmade } = port;
    const objects = tuning.objects(unmade, config, host);
    expect(objects.map((object) => "before" in object)).toEqual([false, true, false]);
  });

  test("are refused where the administrator's list does not allow them", () => {
    const strict = { ...host, sysctlAllowlist: () => "^net\\.y$" };
    expect(() => tuning.objects(port, config, strict)).toThrow("is not allowed");
  });
});
