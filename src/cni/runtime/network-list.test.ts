/** Tests how network lists are read and found. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { findNetwork, loadNetworkFile, networksIn, parseNetworkList } from "./network-list.ts";

const parse = (document: unknown) => parseNetworkList(JSON.stringify(document));
const bridge = { type: "bridge" };

describe("a network list", () => {
  test("gives its plugins in order with the capabilities that are true", () => {
    const portmap = { type: "portmap", capabilities: { portMappings: true, bandwidth: false } };
    const list = parse({ cniVersion: "1.0.0", name: "n", plugins: [bridge, portmap] });
    expect(list).toMatchObject({ name: "n", cniVersion: "1.0.0", disableCheck: false });
    expect(list.plugins.map(({ type, capabilities }) => [type, capabilities])).toEqual([
      ["bridge", []],
      ["portmap", ["portMappings"]],
    ]);
  });

  for (const [one, several, chosen] of [
    [undefined, undefined, "0.1.0"],
    ["0.3.1", undefined, "0.3.1"],
    ["0.3.1", ["0.4.0", "1.0.0"], "1.0.0"],
    ["1.1.0", ["0.4.0", "1.0.0"], "1.1.0"],
    [undefined, ["1.0.0", "0.4.0"], "1.0.0"],
    ["0.4.0", ["9.0.0"], "0.4.0"],
    ["0.4.0", [], "0.4.0"],
  ] as const) {
    test(`of ${one} and ${JSON.stringify(several)} is of version ${chosen}`, () => {
      const list = parse({ cniVersion: one, cniVersions: several, name: "n", plugins: [bridge] });
      expect(list.cniVersion).toBe(chosen);
    });
  }

  for (const versions of [{ cniVersion: "2.0.0" }, { cniVersions: ["2.0.0", "3.0.0"] }]) {
    test(`of ${JSON.stringify(versions)} gets code 1`, () => {
      expect(() => parse({ ...versions, name: "n", plugins: [bridge] })).toThrow(
        expect.objectContaining({ code: 1 }),
      );
    });
  }

  for (const [given, meant] of [
    [true, true],
    ["true", true],
    ["TRUE", true],
    ["False", false],
    [null, false],
  ] as const) {
    test(`takes disableCheck and disableGC ${JSON.stringify(given)} as ${meant}`, () => {
      const flags = { disableCheck: given, disableGC: given };
      const list = parse({ ...flags, name: "n", plugins: [bridge] });
      expect(list).toMatchObject({ disableCheck: meant, disableGC: meant });
    });
  }

  test("is made of a single plugin's configuration", () => {
    const list = parse({ cniVersion: "0.4.0", name: "n", type: "bridge", mtu: 1400 });
    expect(list).toMatchObject({ name: "n", cniVersion: "0.4.0" });
    expect(list.plugins[0]).toMatchObject({ type: "bridge", raw: { mtu: 1400 } });
    expect(parseNetworkList(list.json).plugins).toHaveLength(1);
  });

  for (const [name, document, message] of [
    ["without a name", { plugins: [bridge] }, "name: missing"],
    ["with a name that leads elsewhere", { name: "../n", plugins: [bridge] }, "name: must be"],
    ["with no plugins", { name: "n", plugins: [] }, "plugins: names no plugin"],
    ["with plugins as an object", { name: "n", plugins: {} }, "plugins: must be a list"],
    ["with a plugin as text", { name: "n", plugins: ["x"] }, "plugins[0]: must be an object"],
    ["with a typeless plugin", { name: "n", plugins: [bridge, {}] }, "plugins[1].type: missing"],
    ["with a path as type", { name: "n", plugins: [{ type: "../x" }] }, "plugins[0].type: must"],
    [
      "with capabilities as a list",
      { name: "n", plugins: [{ type: "x", capabilities: [] }] },
      "plugins[0].capabilities: must be an object",
    ],
    ["with a wrong flag", { name: "n", disableGC: "no", plugins: [bridge] }, "disableGC: must be"],
    [
      "with loadOnlyInlinedPlugins and no plugins",
      { name: "n", loadOnlyInlinedPlugins: true },
      'plugins: missing, but "loadOnlyInlinedPlugins" is true',
    ],
  ] as const) {
    test(`${name} is refused with the field's path`, () => {
      expect(() => parse(document)).toThrow(message);
    });
  }
});

const folder = mkdtempSync(`${tmpdir()}/netloom-lists-`);
const write = (name: string, document: unknown) =>
  writeFileSync(`${folder}/${name}`, JSON.stringify(document));

describe("a folder of networks", () => {
  beforeEach(() => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(`${folder}/blue`, { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("has lists before single plugins, each by the order of file names", () => {
    write("20-b.conflist", { name: "b", plugins: [bridge] });
    write("10-a.conflist", { name: "a", plugins: [bridge] });
    write("05-c.conf", { name: "c", type: "bridge" });
    write("06-d.json", { name: "d", type: "bridge" });
    write("00-e.txt", { name: "e", type: "bridge" });
    expect(networksIn(folder).networks.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
  });

  test("adds the plugins of <network>/*.conf to a list, in the order of their names", () => {
    write("blue.conflist", { name: "blue", plugins: [bridge] });
    write("blue/20-tuning.conf", { type: "tuning" });
    write("blue/10-portmap.conf", { type: "portmap" });
    write("blue/notes.txt", {});
    const list = loadNetworkFile(`${folder}/blue.conflist`);
    expect(list.plugins.map(({ type }) => type)).toEqual(["bridge", "portmap", "tuning"]);
    const cached = parseNetworkList(list.json);
    expect(cached.plugins.map(({ type }) => type)).toEqual(["bridge", "portmap", "tuning"]);
  });

  test("may have all plugins of a list in <network>/*.conf", () => {
    write("blue.conflist", { name: "blue" });
    expect(() => loadNetworkFile(`${folder}/blue.conflist`)).toThrow("plugins: missing, and there");
    write("blue/10-bridge.conf", bridge);
    expect(loadNetworkFile(`${folder}/blue.conflist`).plugins).toHaveLength(1);
  });

  test("adds nothing to a list with loadOnlyInlinedPlugins", () => {
    write("blue.conflist", { name: "blue", plugins: [bridge], loadOnlyInlinedPlugins: "true" });
    write("blue/10-portmap.conf", { type: "portmap" });
    expect(loadNetworkFile(`${folder}/blue.conflist`).plugins).toHaveLength(1);
  });

  test("is searched past files that can't be used, which are named when nothing is found", () => {
    writeFileSync(`${folder}/00-broken.conflist`, "{");
    write("10-a.conflist", { name: "a", plugins: [bridge] });
    expect(findNetwork("a", folder).file).toBe(`${folder}/10-a.conflist`);
    expect(() => findNetwork("b", folder)).toThrow(
      expect.objectContaining({
        code: 7,
        message: `No network "b" in "${folder}": it has "a"`,
        details: expect.stringContaining("00-broken.conflist"),
      }),
    );
  });

  test("may be absent", () => {
    expect(networksIn("/nowhere/at/all")).toEqual({ networks: [], broken: [] });
    expect(() => findNetwork("a", "/nowhere/at/all")).toThrow("it has none");
  });

  test("names the file in every error", () => {
    expect(() => loadNetworkFile("/nowhere.conflist")).toThrow(
      'Cannot use network file "/nowhere.conflist": ENOENT',
    );
    write("x.conflist", { name: "n", plugins: [{}] });
    expect(() => loadNetworkFile(`${folder}/x.conflist`)).toThrow(
      `Cannot use network file "${folder}/x.conflist": plugins[0].type: missing`,
    );
  });
});
