/** The shipped executable: how it is installed, and what it takes from where it is called. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../support/reference.ts";
import { run } from "../support/run.ts";

const plugins = ["bridge", "host-local", "loopback", "netloom", "portmap", "ptp", "static"];
const version = { CNI_COMMAND: "VERSION", CNI_PATH: "/nonexistent" };

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "netloom-install-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function make(...words: string[]) {
  const done = await run(["make", "-C", root, ...words], { timeoutMs: 60_000 });
  expect(done.stderr).toBe("");
  expect(done.status).toBe(0);
}

describe("make install", () => {
  const places = () => [`PREFIX=${dir}/usr`, `CNI_BIN_DIR=${dir}/cni`];

  test("makes one executable and a link to it under each plugin's name, also over others", async () => {
    mkdirSync(join(dir, "cni"));
    writeFileSync(join(dir, "cni/bridge"), "another bridge", { mode: 0o755 });
    writeFileSync(join(dir, "cni/bandwidth"), "another plugin", { mode: 0o755 });
    await make("install", ...places());
    expect(readdirSync(join(dir, "usr/bin"))).toEqual(["netloom"]);
    expect(readdirSync(join(dir, "cni")).sort()).toEqual(["bandwidth", ...plugins]);
    for (const name of plugins) {
      expect(readlinkSync(join(dir, "cni", name))).toBe(`${dir}/usr/bin/netloom`);
    }
  });

  test("may be repeated", async () => {
    await make("install", ...places());
    expect(readdirSync(join(dir, "cni")).sort()).toEqual(["bandwidth", ...plugins]);
  });

  test.each(plugins)(
    "installs %s as a plugin that speaks every version of the specification",
    async (name) => {
      const done = await run([join(dir, "cni", name)], { env: version, stdin: "{}" });
      expect(done.status).toBe(0);
      expect(JSON.parse(done.stdout).supportedVersions).toEqual([
        "0.1.0",
        "0.2.0",
        "0.3.0",
        "0.3.1",
        "0.4.0",
        "1.0.0",
        "1.1.0",
      ]);
    },
  );

  test("honours DESTDIR, with links that lead to the final place", async () => {
    await make("install", `DESTDIR=${dir}/dest`, "PREFIX=/opt/n", "CNI_BIN_DIR=/opt/n/cni");
    expect(existsSync(join(dir, "dest/opt/n/bin/netloom"))).toBe(true);
    expect(readlinkSync(join(dir, "dest/opt/n/cni/bridge"))).toBe("/opt/n/bin/netloom");
  });

  test("is taken back by make uninstall, but for what is not ours", async () => {
    rmSync(join(dir, "cni/ptp"));
    writeFileSync(join(dir, "cni/ptp"), "another ptp", { mode: 0o755 });
    await make("uninstall", ...places());
    expect(readdirSync(join(dir, "usr/bin"))).toEqual([]);
    expect(readdirSync(join(dir, "cni")).sort()).toEqual(["bandwidth", "ptp"]);
  });
});

test("a plugin runs nothing from the directory that it is called in", async () => {
  const cwd = join(dir, "trap");
  mkdirSync(cwd);
  const sprung = `require("node:fs").writeFileSync(${JSON.stringify(join(dir, "sprung"))}, "")`;
  writeFileSync(join(cwd, "preload.js"), sprung);
  writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./preload.js"]\n');
  writeFileSync(join(cwd, ".env"), `NETLOOM_LOG=${dir}/log\nCNI_COMMAND=ADD\n`);
  const done = await run([join(root, "dist/cni/bridge")], { cwd, env: version, stdin: "{}" });
  expect(JSON.parse(done.stdout).supportedVersions).toContain("1.1.0");
  expect(existsSync(join(dir, "sprung"))).toBe(false);
  expect(existsSync(join(dir, "log"))).toBe(false);
});
