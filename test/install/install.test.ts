/** The shipped executable: how it is installed, and what it takes from where it is called. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../support/reference.ts";
import { run } from "../support/run.ts";

const plugins = (
  "bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback macvlan netloom portmap ptp sbr static " +
  "tap tuning vlan vrf"
).split(" ");
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
    writeFileSync(join(dir, "cni/flannel"), "another plugin", { mode: 0o755 });
    await make("install", ...places());
    expect(readdirSync(join(dir, "usr/bin"))).toEqual(["netloom"]);
    expect(readdirSync(join(dir, "cni")).sort()).toEqual(["flannel", ...plugins].sort());
    for (const name of plugins) {
      expect(readlinkSync(join(dir, "cni", name))).toBe(`${dir}/usr/bin/netloom`);
    }
  });

  test("installs a manual page for every command", () => {
    const pages = readdirSync(join(dir, "usr/share/man/man1"));
    expect(pages).toContain("netloom.1");
    expect(pages).toContain("netloom-apply.1");
  });

  test("may be repeated", async () => {
    await make("install", ...places());
    expect(readdirSync(join(dir, "cni")).sort()).toEqual(["flannel", ...plugins].sort());
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

  const units = () => join(dir, "usr/lib/systemd/system");

  test("installs the units of systemd, which start what was installed", () => {
    const started = {
      up: "up $NETLOOM_UP_OPTIONS",
      server: "server $NETLOOM_SERVER_OPTIONS",
      agent: "agent $NETLOOM_AGENT_OPTIONS",
      dhcp: "dhcp",
    };
    const services = Object.keys(started).map((name) => `netloom-${name}.service`);
    expect(readdirSync(units()).sort()).toEqual([...services, "netloom-dhcp.socket"].sort());
    for (const [name, words] of Object.entries(started)) {
      const text = readFileSync(join(units(), `netloom-${name}.service`), "utf8");
      expect(text.match(/^Exec.*$/gm)).toEqual([`ExecStart=${dir}/usr/bin/netloom ${words}`]);
      const options = `EnvironmentFile=-/etc/default/netloom-${name}\n`;
      if (words.includes("$")) expect(text).toContain(options);
    }
    const socket = join(units(), "netloom-dhcp.socket");
    expect(readFileSync(socket, "utf8")).toContain("ListenStream=/run/netloom/dhcp.sock\n");
    expect(statSync(socket).mode & 0o777).toBe(0o644);
  });

  test("puts units where UNIT_DIR says, and none where it is empty", async () => {
    const to = ["PREFIX=/opt/n", "CNI_BIN_DIR=/opt/n/cni"];
    await make("install", `DESTDIR=${dir}/with`, ...to, "UNIT_DIR=/etc/systemd/system");
    const unit = readFileSync(join(dir, "with/etc/systemd/system/netloom-dhcp.service"), "utf8");
    expect(unit).toContain("\nExecStart=/opt/n/bin/netloom dhcp\n");
    await make("install", `DESTDIR=${dir}/without`, ...to, "UNIT_DIR=");
    expect(readdirSync(join(dir, "without/opt/n")).sort()).toEqual(["bin", "cni", "share"]);
    await make("uninstall", `DESTDIR=${dir}/without`, ...to, "UNIT_DIR=");
  });

  test("leaves units that start another executable to make uninstall of that one", async () => {
    const other = ["PREFIX=/opt/other", `CNI_BIN_DIR=${dir}/none`, `UNIT_DIR=${units()}`];
    await make("uninstall", ...other);
    expect(readdirSync(units())).toHaveLength(5);
  });

  test("is taken back by make uninstall, but for what is not ours", async () => {
    rmSync(join(dir, "cni/ptp"));
    writeFileSync(join(dir, "cni/ptp"), "another ptp", { mode: 0o755 });
    await make("uninstall", ...places());
    expect(readdirSync(join(dir, "usr/bin"))).toEqual([]);
    expect(readdirSync(join(dir, "usr/share/man/man1"))).toEqual([]);
    expect(readdirSync(join(dir, "cni")).sort()).toEqual(["flannel", "ptp"]);
    expect(readdirSync(units())).toEqual([]);
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
