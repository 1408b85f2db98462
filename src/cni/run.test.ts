/** Tests how a plugin's call is answered, from variables and standard input to output. */
import { describe, expect, test } from "bun:test";
import type { LogEvent } from "../lib/log.ts";
import { validAttachments } from "./call.ts";
import type { Call, Plugin } from "./plugin.ts";
import { answer } from "./run.ts";
import { type AttachmentId, emptyResult, latestVersion, specVersions } from "./types.ts";

/** Variables of a call; no namespace of the kernel is needed for DEL without CNI_NETNS. */
const env = {
  CNI_CONTAINERID: "c1",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin",
};

interface Scene {
  readonly verb: string;
  readonly conf?: object | string;
  readonly env?: Record<string, string>;
  readonly plugin?: Partial<Plugin>;
  readonly type?: string;
}

/** Calls a plugin that notes what it is called with. */
async function play(scene: Scene) {
  const { verb, conf = {}, env: more = {}, plugin = {}, type = "fake" } = scene;
  const calls: { verb: string; call: Call; valid?: readonly AttachmentId[] }[] = [];
  const events: LogEvent[] = [];
  const note = (verb: string) => (call: Call, valid?: readonly AttachmentId[]) => {
    calls.push({ verb, call, valid });
    return emptyResult;
  };
  let loads = 0;
  const load = async () => {
    loads++;
    const notes = { add: note("ADD"), del: note("DEL"), check: note("CHECK"), gc: note("GC") };
    return { type: "fake", ...notes, status: note("STATUS"), ...plugin } as Plugin;
  };
  const given = typeof conf === "string" ? conf : { cniVersion: latestVersion, name: "n", ...conf };
  const { text, status } = await answer(
    { type, load },
    {
      env: { ...env, CNI_COMMAND: verb, ...more },
      stdin: () => (typeof given === "string" ? given : JSON.stringify(given)),
      log: (event) => events.push(event),
    },
  );
  return {
    status,
    text,
    printed: text === "" ? undefined : JSON.parse(text),
    calls,
    events,
    loads,
  };
}

describe("a call", () => {
  test("of VERSION is answered without configuration and without loading the plugin", async () => {
    const { printed, status, loads } = await play({ verb: "VERSION", conf: "" });
    expect(printed).toEqual({ cniVersion: "1.1.0", supportedVersions: [...specVersions] });
    expect({ status, loads }).toEqual({ status: 0, loads: 0 });
  });

  test("of DEL without a namespace reaches the plugin and prints nothing", async () => {
    const { text, status, calls } = await play({ verb: "DEL" });
    expect({ text, status }).toEqual({ text: "", status: 0 });
    expect(calls[0]).toMatchObject({ verb: "DEL", call: { containerId: "c1", ifName: "eth0" } });
    expect(calls[0]!.call.netns).toBeUndefined();
  });

  for (const [what, netns] of [
    ["is gone", "/nowhere/at/all"],
    ["was unmounted, so that an ordinary file is left", "/etc/passwd"],
    ["is below a file", "/etc/passwd/net"],
    ["is that of a process that has ended", "/proc/4194304/ns/net"],
  ] as const) {
    test(`of DEL whose namespace ${what} has none`, async () => {
      const { status, calls } = await play({ verb: "DEL", env: { CNI_NETNS: netns } });
      expect(status).toBe(0);
      expect(calls[0]!.call.netns).toBeUndefined();
    });
  }

  for (const [what, netns, code] of [
    ["does not exist", "/nowhere/at/all", 8],
    ["is an ordinary file", "/etc/passwd", 4],
    ["is a folder", "/etc", 4],
    ["is a device", "/dev/null", 4],
    ["is our own", "/proc/self/ns/net", 8],
  ] as const) {
    for (const verb of ["ADD", "CHECK"]) {
      test(`of ${verb} whose namespace ${what} gets code ${code} and loads nothing`, async () => {
        const conf = { prevResult: {} };
        const { printed, loads } = await play({ verb, conf, env: { CNI_NETNS: netns } });
        expect(printed).toMatchObject({ cniVersion: "1.1.0", code });
        expect(printed.msg).toContain(`CNI_NETNS "${netns}"`);
        expect(loads).toBe(0);
      });
    }
  }

  test("of DEL for our own namespace is refused before anything is done", async () => {
    const { printed, loads } = await play({ verb: "DEL", env: { CNI_NETNS: "/proc/self/ns/net" } });
    expect(printed.code).toBe(8);
    expect(loads).toBe(0);
  });

  test("for our own namespace is let through by CNI_NETNS_OVERRIDE", async () => {
    const own = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: "true" };
    const { status, calls } = await play({ verb: "ADD", env: own });
    expect(status).toBe(0);
    expect(calls[0]!.call.netns).toBe("/proc/self/ns/net");
  });

  for (const [verb, version, first] of [
    ["CHECK", "0.3.1", "0.4.0"],
    ["GC", "1.0.0", "1.1.0"],
    ["STATUS", "1.0.0", "1.1.0"],
  ] as const) {
    test(`of ${verb} in version ${version} gets code 1`, async () => {
      const { printed } = await play({
        verb,
        conf: { cniVersion: version, prevResult: {}, "cni.dev/valid-attachments": [] },
        env: { CNI_NETNS: "/nowhere" },
      });
      expect(printed).toMatchObject({ cniVersion: version, code: 1 });
      expect(printed.msg).toContain(`it came with ${first}`);
    });
  }

  test("of STATUS needs no container", async () => {
    const { status, calls } = await play({ verb: "STATUS", env: { CNI_CONTAINERID: "" } });
    expect(status).toBe(0);
    expect(calls[0]!.verb).toBe("STATUS");
  });

  test("of CHECK without prevResult gets code 7", async () => {
    const own = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: "1" };
    const { printed } = await play({ verb: "CHECK", env: own });
    expect(printed).toMatchObject({ code: 7 });
    expect(printed.msg).toContain("prevResult: missing");
  });

  test("gets the result before it in the newest shape, whatever its version", async () => {
    const prevResult = { cniVersion: "0.2.0", ip4: { ip: "10.1.0.5/24", gateway: "10.1.0.1" } };
    const { calls } = await play({ verb: "DEL", conf: { cniVersion: "0.2.0", prevResult } });
    expect(calls[0]!.call.prevResult).toEqual({
      ...emptyResult,
      ips: [{ address: "10.1.0.5/24", gateway: "10.1.0.1" }],
    });
  });

  test("of DEL with a wrong prevResult goes on without it, and logs it", async () => {
    const { status, calls, events } = await play({ verb: "DEL", conf: { prevResult: 5 } });
    expect(status).toBe(0);
    expect(calls[0]!.call.prevResult).toBeUndefined();
    expect(events[0]).toMatchObject({ level: "warn", event: "prevResult ignored", network: "n" });
  });

  for (const type of ["loopback", "portmap"]) {
    test(`of ${type} takes no notice of CNI_ARGS, as the reference's does`, async () => {
      const own = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: "1", CNI_ARGS: "FOO=1;X" };
      expect((await play({ verb: "ADD", env: own, type })).status).toBe(0);
    });
  }

  for (const field of ["dns", "runtimeConfig", "args"]) {
    test(`of DEL with a wrong "${field}" goes on without it, of ADD is refused`, async () => {
      const conf = { [field]: "wrong" };
      const { status, calls } = await play({ verb: "DEL", conf });
      expect([status, calls.length]).toEqual([0, 1]);
      const add = await play({ verb: "ADD", conf, env: { CNI_NETNS: "/proc/1/ns/net" } });
      expect(add.printed).toMatchObject({ code: 7, msg: expect.stringContaining(field) });
    });
  }

  test("with an unknown key in CNI_ARGS is refused, but not for DEL", async () => {
    const args = { CNI_ARGS: "FOO=1" };
    const add = await play({ verb: "ADD", env: { ...args, CNI_NETNS: "/nowhere" } });
    expect(add.printed.msg).toContain('unknown key "FOO"');
    expect((await play({ verb: "DEL", env: args })).status).toBe(0);
  });

  for (const version of specVersions) {
    test(`of ADD in version ${version} is answered in that version`, async () => {
      const own = { CNI_NETNS: "/proc/self/ns/net", CNI_NETNS_OVERRIDE: "1" };
      const { printed } = await play({ verb: "ADD", conf: { cniVersion: version }, env: own });
      expect(printed.cniVersion).toBe(version);
    });
  }

  test("that throws is answered with the error and status 1, and logged", async () => {
    const plugin = {
      del: () => {
        throw new Error("no");
      },
    };
    const { printed, status, events } = await play({ verb: "DEL", plugin });
    expect(status).toBe(1);
    expect(printed).toMatchObject({ cniVersion: "1.1.0", code: 999, msg: "no" });
    expect(events.at(-1)).toMatchObject({
      level: "error",
      event: "failed",
      verb: "DEL",
      plugin: "fake",
      containerId: "c1",
      ifName: "eth0",
      network: "n",
      error: "no",
      code: 999,
    });
  });

  test("that succeeds is logged with its time", async () => {
    const { events } = await play({ verb: "DEL" });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ level: "info", event: "done", verb: "DEL", network: "n" });
    expect(events[0]!.durationMs).toBeGreaterThanOrEqual(0);
  });

  test("without configuration gets code 6", async () => {
    expect((await play({ verb: "DEL", conf: "" })).printed.code).toBe(6);
  });
});

describe("the attachments that GC keeps", () => {
  const one = [{ containerID: "c1", ifname: "eth0" }];
  const kept = [{ containerId: "c1", ifName: "eth0" }];

  test("come from the specification's key before the older one", () => {
    const both = { "cni.dev/attachments": [], "cni.dev/valid-attachments": one };
    expect(validAttachments(both)).toEqual(kept);
    expect(validAttachments({ "cni.dev/attachments": one })).toEqual(kept);
  });

  for (const nothing of [[], null]) {
    test(`are none when the list is ${JSON.stringify(nothing)}`, () => {
      expect(validAttachments({ "cni.dev/valid-attachments": nothing })).toEqual([]);
    });
  }

  test("are never guessed: without the key GC gets code 7 and deletes nothing", async () => {
    const { printed, calls } = await play({ verb: "GC" });
    expect(printed.code).toBe(7);
    expect(printed.msg).toContain("cni.dev/valid-attachments: missing");
    expect(calls).toEqual([]);
  });

  test("reach the plugin", async () => {
    const { calls } = await play({ verb: "GC", conf: { "cni.dev/valid-attachments": one } });
    expect(calls[0]).toMatchObject({ verb: "GC", valid: kept });
  });

  for (const wrong of [{}, "all", [{}], [{ containerID: 5, ifname: "eth0" }], [null]]) {
    test(`are refused as ${JSON.stringify(wrong)}, and nothing is deleted`, async () => {
      const conf = { "cni.dev/valid-attachments": wrong };
      const { printed, calls } = await play({ verb: "GC", conf });
      expect(printed.code).toBe(7);
      expect(printed.msg).toContain("cni.dev/valid-attachments");
      expect(calls).toEqual([]);
    });
  }
});
