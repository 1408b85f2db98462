/** Tests how plugins are found and run. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { execPlugin, findPlugin, isOwnExecutable, ownTypes, requirePlugin } from "./exec.ts";
import { FakePlugins } from "./fake-plugins.ts";

let fakes: FakePlugins;
beforeEach(() => {
  fakes = new FakePlugins("one");
});
afterEach(() => fakes[Symbol.dispose]());

const run = (verb: "ADD" | "DEL" = "ADD") =>
  execPlugin({
    type: "one",
    file: `${fakes.folder}/one`,
    env: { verb, containerId: "c1", path: [fakes.folder] },
    stdin: '{"name":"n"}',
  });

describe("finding a plugin", () => {
  test("takes the first file of that name", () => {
    using second = new FakePlugins("one", "two");
    const path = ["/nowhere", fakes.folder, second.folder];
    expect(findPlugin("one", path)).toBe(`${fakes.folder}/one`);
    expect(findPlugin("two", path)).toBe(`${second.folder}/two`);
    expect(findPlugin("three", path)).toBeUndefined();
  });

  test("passes over a folder of that name", () => {
    mkdirSync(`${fakes.folder}/sub`);
    expect(findPlugin("sub", [fakes.folder])).toBeUndefined();
  });

  test("passes over what is no folder", () => {
    const path = ["relative", "/etc/passwd", "/proc/self/mem", fakes.folder];
    expect(findPlugin("one", path)).toBe(`${fakes.folder}/one`);
  });

  for (const type of ["", ".", "..", "../one", "a/b", "a\\b", "/bin/sh", "one\0"]) {
    test(`refuses the type ${JSON.stringify(type)}, whatever lies there`, () => {
      expect(() => findPlugin(type, [fakes.folder])).toThrow(expect.objectContaining({ code: 7 }));
    });
  }

  test("says that CNI_PATH is empty", () => {
    expect(() => requirePlugin("one", [])).toThrow('Cannot find plugin "one" because CNI_PATH');
  });
});

test("our own executable is known through any link", () => {
  symlinkSync("/proc/self/exe", `${fakes.folder}/link`);
  expect(isOwnExecutable(`${fakes.folder}/link`)).toBe(true);
  expect(isOwnExecutable(process.execPath)).toBe(true);
  expect(isOwnExecutable(`${fakes.folder}/one`)).toBe(false);
});

describe("running a plugin", () => {
  test("gives it the call and gives back what it prints", async () => {
    fakes.on("one", "ADD", { prints: { a: "ü" } });
    expect(JSON.parse(await run())).toEqual({ a: "ü" });
    expect(fakes.calls).toEqual([
      {
        verb: "ADD",
        plugin: "one",
        containerId: "c1",
        netns: "",
        ifName: "",
        args: "",
        path: fakes.folder,
        conf: { name: "n" },
      },
    ]);
  });

  test("passes its error on with code and details", async () => {
    fakes.on("one", "ADD", { prints: { code: 11, msg: "busy", details: "later" }, exits: 1 });
    await expect(run()).rejects.toMatchObject({
      code: 11,
      message: 'Plugin "one": busy',
      details: "later",
    });
  });

  for (const [name, printsText] of [
    ["nothing", ""],
    ["no JSON", "panic"],
    ["JSON without a code", '{"msg":"x"}'],
    ["the code 0", '{"code":0,"msg":"x"}'],
    ["null", "null"],
  ] as const) {
    test(`that fails and prints ${name} shows how it ended and what it said`, async () => {
      fakes.on("one", "ADD", { printsText, complains: "why", exits: 7 });
      await expect(run()).rejects.toMatchObject({
        code: 999,
        message: 'Plugin "one" ended with status 7 on ADD and printed no CNI error',
        details: [printsText, "why"].filter((text) => text !== "").join("; "),
      });
    });
  }

  test("that a signal ends is named with the signal", async () => {
    const file = "/bin/sh";
    await expect(
      execPlugin({ type: "sh", file, env: { verb: "ADD", path: [] }, stdin: "kill -9 $$" }),
    ).rejects.toThrow('Plugin "sh" was ended by SIGKILL on ADD');
  });

  test("that can't be run says so", async () => {
    const file = `${fakes.folder}/calls`;
    const attempt = execPlugin({ type: "x", file, env: { verb: "ADD", path: [] }, stdin: "" });
    await expect(attempt).rejects.toThrow(`Cannot run plugin "${file}"`);
  });
});

test("every plugin that the executable is can be tried before it is installed", async () => {
  const main = await Bun.file(`${import.meta.dir}/../main.ts`).text();
  const table = /const plugins[\s\S]*?= \{\n([\s\S]*?)\n\};/.exec(main)![1]!;
  const names = [...table.matchAll(/^ {2}"?([a-z-]+)"?: async/gm)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(15);
  expect([...ownTypes].sort()).toEqual(names.sort());
});
