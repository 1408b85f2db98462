/** Tests the delegation of addresses. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync, symlinkSync } from "node:fs";
import { silentLog } from "../lib/log.ts";
import { readConf, readDocument } from "./config.ts";
import { FakePlugins } from "./fake-plugins.ts";
import { ipamOf } from "./ipam.ts";
import type { Call } from "./plugin.ts";

let fakes: FakePlugins;
beforeEach(() => {
  fakes = new FakePlugins("foreign", "host-local");
});
afterEach(() => fakes[Symbol.dispose]());

function call(ipam: object, more: Partial<Call> = {}, version = "1.1.0"): Call {
  const document = { cniVersion: version, name: "n", type: "bridge", mtu: 1400, ipam };
  const { raw, cniVersion } = readDocument(JSON.stringify(document));
  const conf = readConf(raw, cniVersion);
  return {
    text: "",
    containerId: "c1",
    ifName: "eth0",
    netns: "/run/netns/c1",
    args: { values: new Map(), ignoreUnknown: false },
    path: [fakes.folder],
    conf,
    runtimeConfig: {},
    cniVersion,
    log: silentLog,
    warn() {},
    ...more,
  };
}

const foreign = { type: "foreign" };
const given = { cniVersion: "1.1.0", ips: [{ address: "10.1.0.5/24", gateway: "10.1.0.1" }] };

describe("the IPAM of a configuration", () => {
  test("is none where none is named", async () => {
    expect(await ipamOf(call({}))).toBeUndefined();
  });

  test("must be there", async () => {
    await expect(ipamOf(call({ type: "absent" }))).rejects.toMatchObject({ code: 7 });
  });

  test("may not be a path", async () => {
    await expect(ipamOf(call({ type: "../foreign" }))).rejects.toMatchObject({ code: 7 });
  });

  const local = { type: "static", addresses: [{ address: "10.1.0.5/24" }] };

  test("of ours works in this process where CNI_PATH has none", async () => {
    const ipam = await ipamOf(call(local));
    const { result } = await ipam!.reserve(call(local));
    expect(result.ips).toEqual([{ address: "10.1.0.5/24" }]);
    expect(fakes.order).toEqual([]);
  });

  test("of ours works in this process where CNI_PATH leads to our own executable", async () => {
    rmSync(`${fakes.folder}/host-local`);
    symlinkSync(process.execPath, `${fakes.folder}/static`);
    const { result } = await (await ipamOf(call(local)))!.reserve(call(local));
    expect(result.ips).toHaveLength(1);
  });

  test("is run where the operator put another program under its name", async () => {
    fakes.on("host-local", "ADD", { prints: given });
    const hostLocal = call({ type: "host-local" });
    const { result } = await (await ipamOf(hostLocal))!.reserve(hostLocal);
    expect(result.ips).toEqual(given.ips);
    expect(fakes.order).toEqual(["ADD host-local"]);
  });
});

describe("a foreign IPAM", () => {
  const reserve = async (one: Call) => (await ipamOf(one))!.reserve(one);

  test("gets the whole configuration and the same environment", async () => {
    fakes.on("foreign", "ADD", { prints: given });
    const values = new Map([["K", "v"]]);
    await reserve(call(foreign, { args: { values, ignoreUnknown: true } }));
    expect(fakes.calls).toEqual([
      {
        verb: "ADD",
        plugin: "foreign",
        containerId: "c1",
        netns: "/run/netns/c1",
        ifName: "eth0",
        args: "IgnoreUnknown=1;K=v",
        path: fakes.folder,
        conf: { cniVersion: "1.1.0", name: "n", type: "bridge", mtu: 1400, ipam: foreign },
      },
    ]);
  });

  test("may answer in an older version, and name interfaces that don't count", async () => {
    fakes.on("foreign", "ADD", { prints: { ip4: { ip: "10.1.0.5/24" } } });
    const old = await reserve(call(foreign, {}, "0.2.0"));
    expect(old.result.ips).toEqual([{ address: "10.1.0.5/24" }]);
    const odd = { interfaces: [{ name: "x" }], ips: [{ address: "10.1.0.5/24", interface: 0 }] };
    fakes.on("foreign", "ADD", { prints: odd });
    expect((await reserve(call(foreign))).result).toMatchObject({
      interfaces: [],
      ips: [{ address: "10.1.0.5/24" }],
    });
  });

  for (const [name, behaviour, message] of [
    ["that refuses", { prints: { code: 11, msg: "full" }, exits: 1 }, 'Plugin "foreign": full'],
    ["that prints no JSON", { printsText: "x" }, 'IPAM plugin "foreign" printed no JSON'],
    ["that gives no address", { prints: {} }, 'IPAM plugin "foreign" gave no address'],
    ["that gives a wrong one", { prints: { ips: [{ address: "x" }] } }, '"foreign".ips[0].address'],
  ] as const) {
    test(`${name} is told to DEL before the error is passed on`, async () => {
      fakes.on("foreign", "ADD", behaviour);
      await expect(reserve(call(foreign))).rejects.toThrow(message);
      expect(fakes.order).toEqual(["ADD foreign", "DEL foreign"]);
    });
  }

  test("that also fails to DEL passes its first error on", async () => {
    fakes.on("foreign", "ADD", { prints: { code: 11, msg: "first" }, exits: 1 });
    fakes.on("foreign", "DEL", { prints: { code: 5, msg: "second" }, exits: 1 });
    await expect(reserve(call(foreign))).rejects.toThrow("first");
  });

  for (const verb of ["GC", "STATUS"] as const) {
    const ask = async () => {
      const one = call(foreign);
      const ipam = (await ipamOf(one))!;
      return verb === "GC" ? ipam.gc(one, []) : ipam.status(one);
    };
    for (const told of [
      { code: 4, msg: `unknown CNI_COMMAND: ${verb}` },
      { code: 1, msg: "incompatible CNI versions" },
    ]) {
      test(`that doesn't know ${verb} (code ${told.code}) is taken to have nothing to say`, async () => {
        fakes.on("foreign", verb, { prints: told, exits: 1 });
        await ask();
        expect(fakes.order).toEqual([`${verb} foreign`]);
      });
    }

    test(`that objects to ${verb} is heard`, async () => {
      fakes.on("foreign", verb, { prints: { code: 50, msg: "no address is free" }, exits: 1 });
      await expect(ask()).rejects.toMatchObject({ code: 50 });
    });
  }
});
