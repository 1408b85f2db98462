/** Tests `netloom cni` on a real kernel: what it does, what it says, and what stays. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isRunning, until } from "../dhcp/stage.ts";
import { shell } from "../support/run.ts";
import { netnsPath } from "../support/test-host.ts";
import { makeWorld, type World } from "./world.ts";

let world: World;
let blue: string;
let green: string;
beforeAll(async () => {
  world = await makeWorld();
  blue = await world.host.addContainer();
  green = await world.host.addContainer();
});
afterAll(() => world.host.remove());

const cni = (...words: readonly string[]) => world.netloom("cni", ...words);
const withoutTimes = (text: string) => text.replace(/\(\d+ ms\)/g, "(… ms)");

describe("netloom cni", () => {
  test("attaches namespaces by name and by path, so that they reach each other", async () => {
    const added = await cni("add", world.list, blue, netnsPath(green));
    expect(added.stderr).toBe("");
    const lines = withoutTimes(added.stdout).split("\n");
    expect(lines[0]).toBe(`Attached "${blue}" eth0 on network "demo" (… ms)`);
    expect(lines[1]).toMatch(/^ {2}eth0 {3}10\.61\.0\.\d+\/24, gateway 10\.61\.0\.1$/);
    const [, address] = /eth0 +(10\.61\.0\.\d+)\/24/.exec(added.stdout)!;
    const ping = await shell(`ping -c1 -W2 ${address}`, { netns: green });
    expect(ping).toContain("1 received");
  });

  test("refuses to attach twice, and says which attachment stands in the way", async () => {
    const { stderr, status } = await cni("add", world.list, blue);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^netloom: Container "\S+" is on network "demo" as "eth0" already/);
  });

  test("checks, and finds what an outside hand removed", async () => {
    const fine = await cni("check", "demo", blue, green);
    expect(withoutTimes(fine.stdout)).toBe(
      `Checked "${blue}" eth0 on network "demo": as it should be (… ms)\n` +
        `Checked "${green}" eth0 on network "demo": as it should be (… ms)\n`,
    );
    await shell("ip link del eth0", { netns: green });
    const broken = await cni("check", "demo", blue, green);
    expect(broken.status).toBe(1);
    expect(broken.stdout).toContain(`Checked "${blue}"`);
    expect(broken.stderr).toContain('Plugin "bridge"');
  });

  test("lists networks and attachments", async () => {
    const { stdout } = await cni("list");
    expect(stdout).toMatch(/^NETWORK +VERSION +PLUGINS +FILE$/m);
    expect(stdout).toMatch(/^demo +1\.1\.0 +bridge, portmap +\S+demo\.conflist$/m);
    expect(stdout).toMatch(new RegExp(`^${blue}-[0-9a-f]{8} +demo +eth0 +\\S+/${blue}$`, "m"));
    const { networks, attachments } = JSON.parse((await cni("list", "--json")).stdout);
    expect(networks).toMatchObject([{ name: "demo", plugins: ["bridge", "portmap"] }]);
    expect(attachments).toHaveLength(2);
  });

  test("detaches, also what is broken, gone or was never attached", async () => {
    const { status, stdout } = await cni("del", "demo", blue, green, "never-was");
    expect(status).toBe(0);
    expect(stdout.match(/^Detached /gm)).toHaveLength(3);
    expect(await world.leftovers()).toEqual([]);
  });

  test("prints results as JSON, and errors too", async () => {
    const { stdout } = await cni("add", "demo", blue, "--json", "--ifname", "net1");
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ cniVersion: "1.1.0", ips: [{ gateway: "10.61.0.1" }, {}] });
    const wrong = await cni("add", "demo", "no-such-namespace", "--json");
    expect(wrong.status).toBe(1);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ code: 8 });
    await cni("del", "demo", blue, "--ifname", "net1");
  });

  test("killed, takes the plugin that it called with it, and what that has begun", async () => {
    const { dir } = world.host;
    mkdirSync(`${dir}/plugins`);
    const script = `#!/bin/sh\nsleep 60 &\necho $$ $! >${dir}/pids.new\nmv ${dir}/pids.new ${dir}/pids\nwait\n`;
    writeFileSync(`${dir}/plugins/slow`, script, { mode: 0o755 });
    const list = `${dir}/slow.conflist`;
    const plugins = [{ type: "slow" }];
    writeFileSync(list, JSON.stringify({ cniVersion: "1.1.0", name: "slow", plugins }));
    const adding = world.start("cni", "add", "--cni-path", `${dir}/plugins`, list, blue);
    await until("the plugin", () => existsSync(`${dir}/pids`));
    const pids = readFileSync(`${dir}/pids`, "utf8").trim().split(" ").map(Number);
    expect(pids.map(isRunning)).toEqual([true, true]);
    adding.kill("SIGKILL");
    await until("their end", () => !pids.some(isRunning));
    rmSync(list);
  }, 60_000);

  test("detaches from a network whose file is gone", async () => {
    const copy = `${world.host.dir}/gone.conflist`;
    await shell(`sed 's/"demo"/"gone"/' ${world.list} >${copy}`);
    expect((await cni("add", "gone", blue)).status).toBe(0);
    rmSync(copy);
    expect((await cni("del", "gone", blue)).status).toBe(0);
    expect(await world.leftovers()).toEqual([]);
  });

  test("collects what is not kept, and with --all everything", async () => {
    await cni("add", "demo", blue, "--container-id", "keep");
    await cni("add", "demo", green, "--container-id", "lose");
    const some = await cni("gc", "demo", "--keep", "keep/eth0");
    expect(some.stdout).toBe('Collected network "demo": 1 detached\n');
    expect((await cni("check", "demo", blue, "--container-id", "keep")).status).toBe(0);
    expect((await cni("gc", "demo", "--all")).stdout).toContain("1 detached");
    expect(await world.leftovers()).toEqual([]);
    expect(await world.host.shell("ip -br link")).not.toContain("demo0");
  });

  test("tells whether a network can take containers", async () => {
    const { stdout, status } = await cni("status", "demo");
    expect({ stdout, status }).toEqual({
      stdout: 'Network "demo" can take containers\n',
      status: 0,
    });
    const absent = await cni("status", "absent");
    expect(absent.stderr).toContain('No network "absent"');
    expect(absent.status).toBe(1);
  });

  test.each(["status", "add"])(
    "%s of a declared network names the agent that is not there",
    async (verb) => {
      const { status, stderr } = await cni(verb, "web", ...(verb === "add" ? [blue] : []));
      expect(status).toBe(1);
      expect(stderr).toContain(
        `It may be a declared one, but no agent is at "${world.host.dir}/run/agent.sock"`,
      );
      expect(stderr).toContain('start "netloom up"');
    },
  );

  test("refuses a wrong command line with status 2", async () => {
    const { stderr, status } = await cni("gc", "demo");
    expect(status).toBe(2);
    expect(stderr).toContain("--all to keep nothing");
  });
});
