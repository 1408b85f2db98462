/** Tests the runtime side against plugins that note what they are called with. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { FakePlugins } from "../fake-plugins.ts";
import { addNetwork, checkNetwork, delNetwork } from "./attach.ts";
import type { Attachment, Runtime } from "./attachment.ts";
import { cacheFile, readCache } from "./cache.ts";
import { attachments, gcNetwork, statusNetwork } from "./collect.ts";
import { parseNetworkList } from "./network-list.ts";

const c1: Attachment = { containerId: "c1", ifName: "eth0", netns: "/run/netns/c1" };
const ip = { cniVersion: "1.1.0", ips: [{ address: "10.1.0.5/24" }] };

let fakes: FakePlugins;
let cacheDir: string;
let runtime: Runtime;

beforeEach(() => {
  fakes = new FakePlugins("one", "two", "three");
  cacheDir = mkdtempSync(`${tmpdir()}/netloom-cache-`);
  runtime = { path: [fakes.folder, "/nowhere"], cacheDir };
  for (const type of ["one", "two", "three"]) fakes.on(type, "ADD", { prints: ip });
});
afterEach(() => {
  fakes[Symbol.dispose]();
  rmSync(cacheDir, { recursive: true, force: true });
});

const list = (more: object = {}, plugins: object[] = [{ type: "one" }, { type: "two" }]) =>
  parseNetworkList(JSON.stringify({ cniVersion: "1.1.0", name: "net", plugins, ...more }));
const fails = (code: number, msg: string) => ({ prints: { code, msg }, exits: 1 });
const key = { network: "net", containerId: "c1", ifName: "eth0" };

describe("ADD", () => {
  test("runs the plugins in order, each told all and the result before it", async () => {
    const args = [["K", "v"]] as const;
    const result = await addNetwork(runtime, list(), { ...c1, args });
    expect(fakes.order).toEqual(["ADD one", "ADD two"]);
    expect(fakes.calls[0]).toMatchObject({
      containerId: "c1",
      netns: "/run/netns/c1",
      ifName: "eth0",
      args: "K=v",
      path: `${fakes.folder}:/nowhere`,
      conf: { type: "one", name: "net", cniVersion: "1.1.0" },
    });
    expect(fakes.calls[0]!.conf).not.toHaveProperty("prevResult");
    expect(fakes.calls[1]!.conf.prevResult).toEqual(ip);
    expect(result.ips).toEqual([{ address: "10.1.0.5/24" }]);
  });

  test("gives every plugin the list's name and version, whatever it says itself", async () => {
    const plugin = { type: "one", name: "other", cniVersion: "0.2.0" };
    await addNetwork(runtime, list({ cniVersion: "0.4.0" }, [plugin]), c1);
    expect(fakes.calls[0]!.conf).toMatchObject({ name: "net", cniVersion: "0.4.0" });
  });

  test("gives a plugin the capabilities that it declares, and no others", async () => {
    const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
    const capabilityArgs = { portMappings, mac: "02:00:00:00:00:01" };
    const plugins = [
      { type: "one", capabilities: { mac: false, bandwidth: true } },
      { type: "two", capabilities: { portMappings: true }, runtimeConfig: { old: 1 } },
    ];
    await addNetwork(runtime, list({}, plugins), { ...c1, capabilityArgs });
    expect(fakes.calls[0]!.conf).not.toHaveProperty("runtimeConfig");
    expect(fakes.calls[1]!.conf.runtimeConfig).toEqual({ portMappings });
  });

  test("hands results on in the list's version", async () => {
    fakes.on("one", "ADD", { prints: { cniVersion: "0.2.0", ip4: { ip: "10.1.0.5/24" } } });
    await addNetwork(runtime, list({ cniVersion: "0.4.0" }), c1);
    expect(fakes.calls[1]!.conf.prevResult).toEqual({
      cniVersion: "0.4.0",
      ips: [{ version: "4", address: "10.1.0.5/24" }],
    });
  });

  test("takes a result without a version as one of the list's", async () => {
    fakes.on("two", "ADD", { prints: { ip4: { ip: "10.1.0.7/24" } } });
    const result = await addNetwork(runtime, list({ cniVersion: "0.1.0" }), c1);
    expect(result.ips).toEqual([{ address: "10.1.0.7/24" }]);
  });

  test("that fails is undone whole, in reverse, and leaves no cache", async () => {
    fakes.on("two", "ADD", fails(11, "try later"));
    const three = list({}, [{ type: "one" }, { type: "two" }, { type: "three" }]);
    const failure = addNetwork(runtime, three, c1);
    await expect(failure).rejects.toMatchObject({ code: 11, message: 'Plugin "two": try later' });
    expect(fakes.order).toEqual(["ADD one", "ADD two", "DEL three", "DEL two", "DEL one"]);
    expect(attachments(runtime)).toEqual([]);
  });

  for (const [name, behaviour, message] of [
    ["that dies", { exits: 3, complains: "no luck" }, 'Plugin "one" ended with status 3 on ADD'],
    ["that prints no JSON", { printsText: "hello" }, 'Plugin "one" printed no JSON on ADD'],
    ["that prints nothing", {}, 'Plugin "one" printed no JSON on ADD'],
    ["that prints a wrong result", { prints: { ips: [{}] } }, 'plugin "one".ips[0].address: miss'],
  ] as const) {
    test(`names a plugin ${name}`, async () => {
      fakes.on("one", "ADD", behaviour);
      await expect(addNetwork(runtime, list(), c1)).rejects.toThrow(message);
    });
  }

  test("says where it looked for a plugin that is not there", async () => {
    const absent = list({}, [{ type: "absent" }]);
    await expect(addNetwork(runtime, absent, c1)).rejects.toThrow(
      `Cannot find plugin "absent" in ${fakes.folder}, /nowhere: install it, or correct the type`,
    );
  });

  test("a second time is refused without a call", async () => {
    await addNetwork(runtime, list(), c1);
    fakes.forget();
    await expect(addNetwork(runtime, list(), c1)).rejects.toMatchObject({ code: 102 });
    expect(fakes.order).toEqual([]);
  });

  test("for another link of the container is another attachment", async () => {
    await addNetwork(runtime, list(), c1);
    await addNetwork(runtime, list(), { ...c1, ifName: "eth1" });
    expect(attachments(runtime).map(({ ifName }) => ifName)).toEqual(["eth0", "eth1"]);
  });
});

describe("the cache", () => {
  test("is what libcni keeps, readable by its owner alone", async () => {
    const capabilityArgs = { mac: "02:00:00:00:00:01" };
    const all = { ...c1, args: [["K", "v"]] as const, capabilityArgs };
    const network = list();
    await addNetwork(runtime, network, all);
    const file = `${cacheDir}/results/net-c1-eth0`;
    expect(cacheFile(cacheDir, key)).toBe(file);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      kind: "cniCacheV1",
      containerId: "c1",
      config: Buffer.from(network.json).toString("base64"),
      ifName: "eth0",
      networkName: "net",
      netns: "/run/netns/c1",
      cniArgs: [["K", "v"]],
      capabilityArgs,
      result: ip,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(`${cacheDir}/results`).mode & 0o777).toBe(0o700);
    expect(readdirSync(`${cacheDir}/results`)).toEqual(["net-c1-eth0"]);
  });

  test("that libcni wrote is understood", () => {
    const config = Buffer.from('{"name":"net","plugins":[{"type":"one"}]}').toString("base64");
    const document = {
      kind: "cniCacheV1",
      containerId: "c1",
      config,
      ifName: "eth0",
      networkName: "net",
      result: { cniVersion: "1.0.0", dns: {} },
    };
    rmSync(cacheDir, { recursive: true });
    Bun.spawnSync(["mkdir", "-p", `${cacheDir}/results`]);
    writeFileSync(cacheFile(cacheDir, key), JSON.stringify(document));
    expect(readCache(cacheDir, key)).toMatchObject({ network: "net", containerId: "c1" });
  });
});

test("the cache of one attachment is not taken for another's whose names join to the same", async () => {
  await addNetwork(runtime, list(), { ...c1, containerId: "a-b" });
  fakes.forget();
  const other = list({ name: "net-a" });
  await delNetwork(runtime, other, { ...c1, containerId: "b" });
  expect(fakes.calls[0]!.conf).not.toHaveProperty("prevResult");
  expect(attachments(runtime)).toMatchObject([{ network: "net", containerId: "a-b" }]);
});

describe("DEL", () => {
  test("runs the plugins in reverse with the last result, and forgets", async () => {
    fakes.on("two", "ADD", { prints: { ...ip, dns: { domain: "last" } } });
    await addNetwork(runtime, list(), c1);
    fakes.forget();
    await delNetwork(runtime, list(), c1);
    expect(fakes.order).toEqual(["DEL two", "DEL one"]);
    for (const { conf } of fakes.calls) expect(conf.prevResult.dns).toEqual({ domain: "last" });
    expect(existsSync(cacheFile(cacheDir, key))).toBe(false);
  });

  test("has no prevResult before 0.4.0", async () => {
    const old = list({ cniVersion: "0.3.1" });
    await addNetwork(runtime, old, c1);
    fakes.forget();
    await delNetwork(runtime, old, c1);
    for (const { conf } of fakes.calls) expect(conf).not.toHaveProperty("prevResult");
    expect(attachments(runtime)).toEqual([]);
  });

  test("of what is not attached runs the plugins all the same", async () => {
    await delNetwork(runtime, list(), { containerId: "c1", ifName: "eth0" });
    expect(fakes.order).toEqual(["DEL two", "DEL one"]);
    expect(fakes.calls[0]!.netns).toBe("");
  });

  for (const content of ["", "{", "[]", '{"kind":"other"}', "\u0000".repeat(100)]) {
    test(`is not stopped by a cache of ${JSON.stringify(content.slice(0, 9))}`, async () => {
      await addNetwork(runtime, list(), c1);
      fakes.forget();
      writeFileSync(cacheFile(cacheDir, key), content);
      await delNetwork(runtime, list(), c1);
      expect(fakes.order).toEqual(["DEL two", "DEL one"]);
      expect(fakes.calls[0]!.conf).not.toHaveProperty("prevResult");
      expect(readdirSync(`${cacheDir}/results`)).toEqual([]);
    });
  }

  test("goes on past a failure, says it, and keeps the cache for the next try", async () => {
    await addNetwork(runtime, list(), c1);
    fakes.forget();
    fakes.on("two", "DEL", fails(999, "stuck"));
    await expect(delNetwork(runtime, list(), c1)).rejects.toMatchObject({
      message: 'Cannot detach "c1" from network "net"',
      errors: [expect.objectContaining({ code: 999, message: 'Plugin "two": stuck' })],
    });
    expect(fakes.order).toEqual(["DEL two", "DEL one"]);
    fakes.on("two", "DEL", {});
    await delNetwork(runtime, list(), c1);
    expect(fakes.calls.at(-1)!.conf.prevResult).toEqual(ip);
    expect(attachments(runtime)).toEqual([]);
  });

  test("uses the configuration and the arguments that ADD had", async () => {
    const capabilityArgs = { mac: "02:00:00:00:00:01" };
    const before = list({}, [{ type: "one", mtu: 1400, capabilities: { mac: true } }]);
    await addNetwork(runtime, before, { ...c1, args: [["K", "v"]], capabilityArgs });
    fakes.forget();
    const edited = list({}, [{ type: "two", mtu: 9000 }]);
    await delNetwork(runtime, edited, { containerId: "c1", ifName: "eth0" });
    expect(fakes.order).toEqual(["DEL one"]);
    expect(fakes.calls[0]).toMatchObject({
      netns: "/run/netns/c1",
      args: "K=v",
      conf: { mtu: 1400, runtimeConfig: capabilityArgs },
    });
  });

  test("works by name alone when the network's file is gone", async () => {
    await addNetwork(runtime, list(), c1);
    fakes.forget();
    await delNetwork(runtime, { name: "net" }, c1);
    expect(fakes.order).toEqual(["DEL two", "DEL one"]);
    await delNetwork(runtime, { name: "net" }, c1);
    expect(fakes.order).toHaveLength(2);
  });
});

describe("CHECK", () => {
  test("runs the plugins in order with the result of ADD", async () => {
    await addNetwork(runtime, list(), c1);
    fakes.forget();
    await checkNetwork(runtime, list(), c1);
    expect(fakes.order).toEqual(["CHECK one", "CHECK two"]);
    for (const { conf } of fakes.calls) expect(conf.prevResult).toEqual(ip);
  });

  test("stops at the first plugin that objects", async () => {
    await addNetwork(runtime, list(), c1);
    fakes.forget();
    fakes.on("one", "CHECK", fails(103, "link is down"));
    await expect(checkNetwork(runtime, list(), c1)).rejects.toMatchObject({ code: 103 });
    expect(fakes.order).toEqual(["CHECK one"]);
  });

  test("of what was never attached gets code 3", async () => {
    await expect(checkNetwork(runtime, list(), c1)).rejects.toMatchObject({ code: 3 });
    expect(fakes.order).toEqual([]);
  });

  test("before 0.4.0 gets code 1", async () => {
    const old = list({ cniVersion: "0.3.1" });
    await expect(checkNetwork(runtime, old, c1)).rejects.toMatchObject({ code: 1 });
  });

  test("is left out when the list disables it", async () => {
    await checkNetwork(runtime, list({ disableCheck: "true" }), c1);
    expect(fakes.order).toEqual([]);
  });
});

describe("GC", () => {
  const keepC1 = [{ containerId: "c1", ifName: "eth0" }];

  beforeEach(async () => {
    await addNetwork(runtime, list(), c1);
    await addNetwork(runtime, list(), { ...c1, containerId: "c2", netns: "/run/netns/c2" });
    await addNetwork(runtime, list({ name: "other" }), { ...c1, containerId: "c3" });
    fakes.forget();
  });

  test("detaches what is not kept, then has the plugins collect", async () => {
    await gcNetwork(runtime, list(), keepC1);
    expect(fakes.order).toEqual(["DEL two", "DEL one", "GC one", "GC two"]);
    expect(fakes.calls[0]).toMatchObject({ containerId: "c2", netns: "/run/netns/c2" });
    expect(attachments(runtime).map(({ containerId }) => containerId)).toEqual(["c1", "c3"]);
  });

  test("tells the plugins what stays, under both keys", async () => {
    await gcNetwork(runtime, list(), keepC1);
    const valid = [{ containerID: "c1", ifname: "eth0" }];
    expect(fakes.calls.at(-1)).toMatchObject({
      verb: "GC",
      containerId: "",
      netns: "",
      ifName: "",
    });
    expect(fakes.calls.at(-1)!.conf).toMatchObject({
      name: "net",
      cniVersion: "1.1.0",
      "cni.dev/valid-attachments": valid,
      "cni.dev/attachments": valid,
    });
  });

  test("says with an empty list that nothing stays", async () => {
    await gcNetwork(runtime, list(), []);
    expect(fakes.calls.at(-1)!.conf["cni.dev/valid-attachments"]).toEqual([]);
    expect(attachments(runtime).map(({ containerId }) => containerId)).toEqual(["c3"]);
  });

  test("before 1.1.0 only detaches", async () => {
    const old = list({ cniVersion: "1.0.0" });
    await gcNetwork(runtime, old, keepC1);
    expect(fakes.order).toEqual(["DEL two", "DEL one"]);
  });

  test("goes on past failures and says them all", async () => {
    fakes.on("two", "DEL", fails(999, "stuck"));
    fakes.on("one", "GC", fails(5, "disk"));
    const failure = await gcNetwork(runtime, list(), keepC1).catch((error) => error);
    expect(failure.errors.map((error: Error) => error.message)).toEqual([
      'Cannot detach "c2" from network "net": Plugin "two": stuck',
      'Plugin "one": disk',
    ]);
    expect(fakes.order).toEqual(["DEL two", "DEL one", "GC one", "GC two"]);
  });

  test("is left out when the list disables it", async () => {
    await gcNetwork(runtime, list({ disableGC: true }), []);
    expect(fakes.order).toEqual([]);
  });
});

describe("STATUS", () => {
  test("asks the plugins in order and stops at the first that can't serve", async () => {
    await statusNetwork(runtime, list());
    expect(fakes.order).toEqual(["STATUS one", "STATUS two"]);
    fakes.forget();
    fakes.on("one", "STATUS", fails(50, "no address is free"));
    await expect(statusNetwork(runtime, list())).rejects.toMatchObject({
      code: 50,
      message: 'Plugin "one": no address is free',
    });
    expect(fakes.order).toEqual(["STATUS one"]);
  });

  test("asks nobody before 1.1.0", async () => {
    await statusNetwork(runtime, list({ cniVersion: "1.0.0" }));
    expect(fakes.order).toEqual([]);
  });
});
