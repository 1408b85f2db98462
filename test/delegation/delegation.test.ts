/** Tests delegation both ways: our main plugins with others' IPAM, others' with ours. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { FakePlugins } from "../../src/cni/fake-plugins.ts";
import { type CniCommand, callPlugin } from "../support/cni-call.ts";
import { ourDir, referenceDir } from "../support/reference.ts";
import { shell } from "../support/run.ts";
import { TestHost } from "../support/test-host.ts";

let host: TestHost;
let container: string;
let fakes: FakePlugins;
beforeAll(async () => {
  host = await TestHost.create();
  container = await host.addContainer();
});
afterAll(() => host.remove());
beforeEach(() => {
  fakes = new FakePlugins("foreign");
});
afterEach(() => fakes[Symbol.dispose]());

const hostLocal = () => ({
  type: "host-local",
  dataDir: `${host.dir}/data`,
  ranges: [[{ subnet: "10.84.0.0/24" }]],
});
const reserved = () => {
  const folder = `${host.dir}/data/net`;
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return names.filter((name) => /^\d/.test(name));
};

/** Calls the `bridge` that is in the folder of fakes. */
function call(command: CniCommand, more: object = {}, env?: Record<string, string>) {
  const base = {
    cniVersion: "1.1.0",
    name: "net",
    type: "bridge",
    bridge: "br84",
    isGateway: true,
  };
  const plugins = fakes.folder;
  const config = { ...base, ...more };
  return callPlugin({
    host,
    plugins,
    command,
    type: "bridge",
    config,
    containerId: "c1",
    container,
    env,
  });
}

/** Puts links to plugins of ours into the folder of fakes. */
function addOurs(...types: readonly string[]): void {
  for (const type of types) symlinkSync(`${ourDir()}/${type}`, `${fakes.folder}/${type}`);
}

describe("our bridge", () => {
  const foreign = { ipam: { type: "foreign" } };
  const given = { cniVersion: "1.1.0", ips: [{ address: "10.84.0.9/24", gateway: "10.84.0.1" }] };

  test("gives the address that a foreign IPAM plugin gave, and takes it back", async () => {
    addOurs("bridge");
    fakes.on("foreign", "ADD", { prints: given });
    const added = await call("ADD", foreign);
    expect(added.json.ips).toEqual([
      { address: "10.84.0.9/24", gateway: "10.84.0.1", interface: 2 },
    ]);
    const shown = await shell("ip -br -4 addr show eth0", { netns: container });
    expect(shown).toContain("10.84.0.9/24");
    const prevResult = added.json;
    expect((await call("CHECK", { ...foreign, prevResult })).stdout).toBe("");
    expect((await call("DEL", { ...foreign, prevResult })).stdout).toBe("");
    expect(fakes.order).toEqual(["ADD foreign", "CHECK foreign", "DEL foreign"]);
    for (const seen of fakes.calls) {
      expect(seen).toMatchObject({
        containerId: "c1",
        ifName: "eth0",
        netns: `/var/run/netns/${container}`,
        path: fakes.folder,
        conf: { name: "net", bridge: "br84", ipam: { type: "foreign" } },
      });
    }
  });

  test("hands GC and STATUS on", async () => {
    addOurs("bridge");
    const valid = [{ containerID: "c9", ifname: "eth0" }];
    const gc = { ...foreign, "cni.dev/valid-attachments": valid };
    expect((await call("GC", gc)).status).toBe(0);
    expect(fakes.calls[0]!.conf["cni.dev/valid-attachments"]).toEqual(valid);
    fakes.on("foreign", "STATUS", { prints: { code: 51, msg: "half of it" }, exits: 1 });
    const { json } = await call("STATUS", foreign);
    expect(json).toMatchObject({ code: 51, msg: 'Plugin "foreign": half of it' });
  });

  test("tells a foreign IPAM plugin to take the address back when it can't use it", async () => {
    addOurs("bridge");
    const routes = [{ dst: "192.0.2.0/24", gw: "172.31.0.1" }];
    fakes.on("foreign", "ADD", { prints: { ...given, routes } });
    const { json } = await call("ADD", foreign);
    expect(json.msg).toContain("192.0.2.0/24");
    expect(fakes.order).toEqual(["ADD foreign", "DEL foreign"]);
  });

  test("leaves no link when a foreign IPAM plugin refuses", async () => {
    addOurs("bridge");
    fakes.on("foreign", "ADD", { prints: { code: 11, msg: "lease server is away" }, exits: 1 });
    const { json } = await call("ADD", foreign);
    expect(json).toMatchObject({ code: 11, msg: 'Plugin "foreign": lease server is away' });
    expect(await shell("ip -br link", { netns: container })).not.toContain("eth0");
  });

  test("needs no host-local in CNI_PATH", async () => {
    addOurs("bridge");
    const added = await call("ADD", { ipam: hostLocal() });
    expect(added.json.ips[0].address).toBe("10.84.0.2/24");
    expect((await call("DEL", { ipam: hostLocal() })).status).toBe(0);
    expect(reserved()).toEqual([]);
  });

  test("calls the reference's host-local where that is what CNI_PATH has", async () => {
    addOurs("bridge");
    cpSync(`${referenceDir("1.9.1")}/host-local`, `${fakes.folder}/host-local`);
    const ipam = hostLocal();
    // Our own keeps an index in the state directory; the reference knows of none.
    const state = `${host.dir}/state-of-its-own`;
    const env = { NETLOOM_STATE_DIR: state };
    const added = await call("ADD", { ipam, cniVersion: "1.0.0" }, env);
    expect(added.json.ips[0].address).toMatch(/^10\.84\.0\.\d+\/24$/);
    expect(reserved()).toHaveLength(1);
    expect(readdirSync(state)).not.toContain("ipam");
    rmSync(`${fakes.folder}/host-local`);
    expect((await call("DEL", { ipam }, env)).status).toBe(0);
    expect(reserved()).toEqual([]);
    await call("ADD", { ipam }, env);
    expect(readdirSync(state)).toContain("ipam");
    await call("DEL", { ipam }, env);
  });
});

describe("the reference's bridge", () => {
  test("is given addresses by our host-local", async () => {
    cpSync(`${referenceDir("1.9.1")}/bridge`, `${fakes.folder}/bridge`);
    addOurs("host-local");
    const ipam = hostLocal();
    const reference = { cniVersion: "1.0.0", bridge: "br85", ipam };
    const added = await call("ADD", reference);
    expect(added.json.ips[0].address).toMatch(/^10\.84\.0\.\d+\/24$/);
    expect(reserved()).toHaveLength(1);
    const prevResult = added.json;
    const check = await call("CHECK", { ...reference, prevResult });
    expect(check.stdout).toBe("");
    expect((await call("DEL", reference)).status).toBe(0);
    expect(reserved()).toEqual([]);
  });

  test("hears from our host-local why there is no address", async () => {
    cpSync(`${referenceDir("1.9.1")}/bridge`, `${fakes.folder}/bridge`);
    addOurs("host-local");
    const ipam = { ...hostLocal(), ranges: [[{ subnet: "10.84.0.1/24" }]] };
    const { json } = await call("ADD", { cniVersion: "1.0.0", ipam });
    expect(json.code).toBe(7);
    expect(json.msg).toContain('write "10.84.0.0/24"');
  });
});
