/** Tests how the CNI_* variables are read. */
import { describe, expect, test } from "bun:test";
import { readArgs, readEnv } from "./env.ts";

const add = {
  CNI_COMMAND: "ADD",
  CNI_CONTAINERID: "c1",
  CNI_NETNS: "/run/netns/c1",
  CNI_IFNAME: "eth0",
  CNI_PATH: "/opt/cni/bin:/usr/lib/cni",
};

describe("reading the environment", () => {
  test("gives all that ADD is told", () => {
    expect(readEnv({ ...add, CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=web" })).toEqual({
      verb: "ADD",
      containerId: "c1",
      netns: "/run/netns/c1",
      ifName: "eth0",
      path: ["/opt/cni/bin", "/usr/lib/cni"],
      args: "IgnoreUnknown=1;K8S_POD_NAME=web",
      netnsOverride: false,
    });
  });

  const missing: [string, string[], string][] = [
    ["ADD", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"], "ADD"],
    ["CHECK", ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"], "CHECK"],
    ["DEL", ["CNI_CONTAINERID", "CNI_IFNAME"], "DEL"],
    ["GC", ["CNI_PATH"], "GC"],
  ];
  for (const [verb, needed] of missing) {
    for (const name of needed) {
      test(`refuses ${verb} without ${name}`, () => {
        const env = { ...add, CNI_COMMAND: verb, [name]: undefined };
        expect(() => readEnv(env)).toThrow(`${verb} needs ${name}: not set in the environment`);
        expect(() => readEnv({ ...env, [name]: "" })).toThrow(name);
      });
    }
  }

  test("names all that is missing at once", () => {
    expect(() => readEnv({ CNI_COMMAND: "ADD" })).toThrow(
      "ADD needs CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME",
    );
  });

  for (const [verb, env] of [
    ["DEL", { ...add, CNI_COMMAND: "DEL", CNI_NETNS: undefined, CNI_PATH: undefined }],
    ["ADD", { ...add, CNI_PATH: undefined }],
    ["STATUS", { CNI_COMMAND: "STATUS" }],
    ["VERSION", { CNI_COMMAND: "VERSION" }],
    ["GC", { CNI_COMMAND: "GC", CNI_PATH: "/opt/cni/bin" }],
  ] as const) {
    test(`lets ${verb} do without what the specification does not ask for`, () => {
      expect(readEnv(env).verb).toBe(verb);
    });
  }

  for (const command of ["add", "FOO", "toString", ""]) {
    test(`refuses the command "${command}"`, () => {
      expect(() => readEnv({ ...add, CNI_COMMAND: command })).toThrow("CNI_COMMAND");
    });
  }

  for (const id of ["c1", "0", "a.b_c-D", "x".repeat(300)]) {
    test(`takes the container ID "${id.slice(0, 9)}"`, () => {
      expect(readEnv({ ...add, CNI_CONTAINERID: id }).containerId).toBe(id);
    });
  }
  for (const id of ["-c", ".c", "_c", "a/b", "../c", "a b", "ä", "a\n"]) {
    test(`refuses the container ID ${JSON.stringify(id)}`, () => {
      expect(() => readEnv({ ...add, CNI_CONTAINERID: id })).toThrow("CNI_CONTAINERID");
    });
  }

  for (const name of ["eth0", "e", "123456789012345", "veth-a.b_c"]) {
    test(`takes the link name "${name}"`, () => {
      expect(readEnv({ ...add, CNI_IFNAME: name }).ifName).toBe(name);
    });
  }
  for (const [name, why] of [
    ["1234567890123456", "longer than 15 bytes"],
    ["ääääääää", "longer than 15 bytes"],
    [".", "folder"],
    ["..", "folder"],
    ["a/b", "holds"],
    ["a:b", "holds"],
    ["a b", "holds"],
    ["a\tb", "holds"],
    ["eth%d", "holds"],
  ] as const) {
    test(`refuses the link name ${JSON.stringify(name)}`, () => {
      expect(() => readEnv({ ...add, CNI_IFNAME: name })).toThrow(why);
    });
  }

  for (const [value, meant] of [
    ["1", true],
    ["true", true],
    ["TRUE", true],
    ["0", false],
    ["yes", false],
    ["", false],
  ] as const) {
    test(`takes CNI_NETNS_OVERRIDE "${value}" as ${meant}`, () => {
      expect(readEnv({ ...add, CNI_NETNS_OVERRIDE: value }).netnsOverride).toBe(meant);
    });
  }

  test("gives every error of the environment code 4", () => {
    for (const wrong of [{ CNI_COMMAND: "X" }, { CNI_IFNAME: "a/b" }, { CNI_NETNS: "" }]) {
      expect(() => readEnv({ ...add, ...wrong })).toThrow(expect.objectContaining({ code: 4 }));
    }
  });
});

describe("CNI_ARGS", () => {
  const strict = (text: string) => readArgs(text, true);

  for (const pair of ["IP", "IP=1=2", "=5", "A;B=1"]) {
    test(`are refused as "${pair}"`, () => {
      expect(() => strict(pair)).toThrow("KEY=value");
      expect(() => strict(pair)).toThrow(expect.objectContaining({ code: 4 }));
    });
    test(`are read as far as can be as "${pair}"`, () => {
      expect(() => readArgs(`${pair};MAC=x`, false)).not.toThrow();
      expect(readArgs(`${pair};MAC=x`, false).values.get("MAC")).toBe("x");
    });
  }

  test("may end with a semicolon and hold an empty value", () => {
    expect([...strict("IP=10.1.0.5;MAC=;").values]).toEqual([
      ["IP", "10.1.0.5"],
      ["MAC", ""],
    ]);
  });

  test("with keys of ours pass", () => {
    expect(() => strict("IP=10.1.0.5;MAC=02:00:00:00:00:01;GATEWAY=10.1.0.1")).not.toThrow();
  });

  test("with an unknown key are refused unless IgnoreUnknown is set", () => {
    expect(() => strict("FOO=1")).toThrow('unknown key "FOO"');
    expect(() => strict("FOO=1;IgnoreUnknown=false")).toThrow("FOO");
    expect([...strict("FOO=1;IgnoreUnknown=true").values]).toEqual([["FOO", "1"]]);
  });
});
