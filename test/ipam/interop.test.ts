/** Our store and the reference's host-local on one directory: each reads what the other wrote. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { hostLocalIpam } from "../../src/engine/host-local/host-local.ts";
import { type StoreFixture, storeFixture } from "../../src/engine/host-local/store-fixture.ts";
import { staticIpam } from "../../src/ipam/static.ts";
import { type ReferenceVersion, referenceDir } from "../support/reference.ts";
import { type Document, documents, type Expected } from "./documents.ts";

interface ReferenceCall {
  readonly version: ReferenceVersion;
  readonly plugin: "host-local" | "static";
  readonly command: "ADD" | "DEL" | "CHECK";
  readonly id: string;
  readonly document: unknown;
  readonly cniArgs?: string;
}

/** What the reference plugin answers: its result, or undefined where it refuses. */
function reference(call: ReferenceCall): any {
  const { stdout, exitCode } = Bun.spawnSync([`${referenceDir(call.version)}/${call.plugin}`], {
    stdin: Buffer.from(JSON.stringify(call.document)),
    env: {
      CNI_COMMAND: call.command,
      CNI_CONTAINERID: call.id,
      CNI_NETNS: "/nowhere",
      CNI_IFNAME: "eth0",
      CNI_PATH: "/nowhere",
      ...(call.cniArgs !== undefined && { CNI_ARGS: call.cniArgs }),
    },
  });
  if (exitCode !== 0) return undefined;
  const text = stdout.toString();
  return text === "" ? {} : JSON.parse(text);
}

describe.each(["1.1.1", "1.9.1"] as const)("with the reference's %s", (version) => {
  const ranges = [[{ subnet: "10.1.0.0/24" }], [{ subnet: "fd00:0:0:1::/64" }]];
  const call = (store: StoreFixture, command: ReferenceCall["command"], id: string) => {
    const ipam = { type: "host-local", dataDir: store.options.dataDir, ranges };
    const document = { cniVersion: "0.4.0", name: "net", type: "bridge", ipam, prevResult };
    return reference({ version, plugin: "host-local", command, id, document });
  };
  const prevResult = { cniVersion: "0.4.0", ips: [] };
  const given = (result: any) => result?.ips.map((ip: { address: string }) => ip.address);

  test("it finds, respects, and frees what we reserved", () => {
    using store = storeFixture();
    store.add("ours", { ranges });
    expect(call(store, "CHECK", "ours")).toEqual({});
    expect(call(store, "CHECK", "nobody")).toBeUndefined();
    expect(call(store, "ADD", "ours")).toBeUndefined();
    expect(given(call(store, "ADD", "theirs"))).toEqual(["10.1.0.3/24", "fd00:0:0:1::3/64"]);
    expect(call(store, "DEL", "ours")).toEqual({});
    expect(Object.keys(store.files())).not.toContain("10.1.0.2");
    expect(store.find("ours")).toEqual([]);
  });

  test("we find, respect, and free what it reserved", () => {
    using store = storeFixture();
    mkdirSync(store.path, { recursive: true });
    expect(given(call(store, "ADD", "theirs"))).toEqual(["10.1.0.2/24", "fd00:0:0:1::2/64"]);
    expect(store.find("theirs").sort()).toEqual(["10.1.0.2", "fd00:0:0:1::2"]);
    expect(() => store.add("theirs", { ranges })).toThrow("already");
    expect(store.add("ours", { ranges })).toEqual(["10.1.0.3/24", "fd00:0:0:1::3/64"]);
    expect(store.del("theirs").length).toBe(2);
    expect(call(store, "CHECK", "theirs")).toBeUndefined();
    expect(store.open().gc([{ containerId: "ours", ifName: "eth0" }])).toEqual([]);
  });

  test("in turns, one round robin goes on, and no change of the other is missed", () => {
    using store = storeFixture();
    for (let n = 2; n < 40; n += 2) {
      expect(store.add(`o${n}`, { ranges })[0]).toBe(`10.1.0.${n}/24`);
      expect(given(call(store, "ADD", `t${n}`))[0]).toBe(`10.1.0.${n + 1}/24`);
      if (n % 3 === 0) {
        expect(store.del(`t${n}`).length).toBe(2);
        expect(call(store, "DEL", `o${n}`)).toEqual({});
      }
    }
    for (let n = 2; n < 40; n += 2) {
      const held = n % 3 === 0 ? [] : [`10.1.0.${n}`];
      expect(store.find(`o${n}`).sort().slice(0, 1)).toEqual(held);
      expect(call(store, "CHECK", `t${n}`) !== undefined).toBe(n % 3 !== 0);
    }
  });

  test("what our killed write would leave does not confuse it", () => {
    using store = storeFixture();
    store.add("ours", { ranges });
    store.write(".netloom.new", "half\r\neth0");
    expect(given(call(store, "ADD", "half"))).toEqual(["10.1.0.3/24", "fd00:0:0:1::3/64"]);
    expect(call(store, "DEL", "half")).toEqual({});
    expect(store.find("half")).toEqual([]);
  });
});

/** What ours answers, in the reference's shape, or the message it refuses with. */
function ours({ plugin, document, cniArgs = "" }: Document): unknown {
  const pairs = new Map(cniArgs.split(";").map((pair) => pair.split("=") as [string, string]));
  using store = storeFixture();
  const paths = { stateDir: store.options.stateDir, runDir: store.options.runDir };
  const attachment = { containerId: "c1", ifName: "eth0" };
  const whole = withDataDir(document, store.options.dataDir);
  if (plugin === "static") {
    return staticIpam.add(staticIpam.parse(whole, pairs), attachment, paths).result;
  }
  return hostLocalIpam.add(hostLocalIpam.parse(whole, pairs), attachment, paths).result;
}

function theirs({ plugin, document, cniArgs }: Document): unknown {
  using store = storeFixture();
  const whole = withDataDir(document, store.options.dataDir);
  return reference({
    version: "1.9.1",
    plugin,
    command: "ADD",
    id: "c1",
    document: whole,
    ...(cniArgs !== undefined && { cniArgs }),
  });
}

function withDataDir(document: any, dataDir: string): unknown {
  const { ipam } = document;
  const isObject = typeof ipam === "object" && ipam !== null && !Array.isArray(ipam);
  return {
    cniVersion: "1.1.0",
    name: "net",
    type: "bridge",
    ...document,
    ...(isObject && { ipam: { dataDir, ...ipam } }),
  };
}

test.each(documents)(
  "%s: as the reference, or different as stated",
  (_name, document, expected) => {
    const reference = theirs(document);
    let ourResult: any;
    let refusal = "";
    try {
      ourResult = ours(document);
    } catch (error) {
      refusal = (error as Error).message;
    }
    const outcome: Expected =
      reference === undefined
        ? ourResult === undefined
          ? "both refuse"
          : "only we take it"
        : ourResult === undefined
          ? "only we refuse"
          : "both take it";
    expect(`${outcome} ${refusal}`).toStartWith(expected);
    if (expected === "both take it") {
      const { cniVersion: _, ...theirResult } = reference as Record<string, unknown>;
      const plain = { ips: [], routes: [], dns: {} };
      expect(ourResult).toEqual({ ...plain, ...theirResult });
    }
  },
);

test("a left-over lock file of either keeps nobody out", () => {
  using store = storeFixture();
  store.add("a", "10.1.0.0/24");
  rmSync(`${store.path}/lock`);
  expect(store.add("b", "10.1.0.0/24")).toEqual(["10.1.0.3/24"]);
});
