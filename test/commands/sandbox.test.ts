/** Tests `netloom sandbox run`: what the command gets, and that nothing stays after it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { run } from "../support/run.ts";
import { lan } from "../support/test-host.ts";
import { makeWorld, until, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
afterAll(() => world.host.remove());

const names = async () => (await run(["ip", "netns"])).stdout;

afterEach(async () => {
  expect(await world.leftovers()).toEqual([]);
  expect(await names()).not.toContain("sandbox-");
});

const sandbox = (...words: readonly string[]) =>
  world.netloom("sandbox", "run", "--network", "demo", ...words);

describe("netloom sandbox run", () => {
  test("gives the command its loopback and a link with addresses and routes", async () => {
    const { stdout, status } = await sandbox("--", "ip", "-br", "address");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^lo +UNKNOWN +127\.0\.0\.1\/8 ::1\/128/m);
    expect(stdout).toMatch(/^eth0@\S+ +UP +10\.61\.0\.\d+\/24 fd00:61::\S+\/64/m);
    const outside = await sandbox("--", "ping", "-c1", "-W2", lan.internet4);
    expect(outside.stdout).toContain("1 received");
  });

  test("names the agent that a declared network needs", async () => {
    const { status, stderr } = await world.netloom("sandbox", "run", "--network", "web", "true");
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('start "netloom up"'),
    });
  });

  test("passes the command's exit status and output on", async () => {
    const { stdout, stderr, status } = await sandbox("sh", "-c", "echo out; echo err >&2; exit 9");
    expect({ stdout, stderr, status }).toEqual({ stdout: "out\n", stderr: "err\n", status: 9 });
  });

  test("gives 127 when there is no such command, and 126 when it can't be run", async () => {
    const absent = await sandbox("--", "no-such-program");
    expect(absent.status).toBe(127);
    expect(absent.stderr).toContain('netloom: cannot run "no-such-program"');
    expect((await sandbox("--", "/etc/passwd")).status).toBe(126);
  });

  test("gives 128 and the number of the signal that ended the command", async () => {
    expect((await sandbox("sh", "-c", "kill -9 $$")).status).toBe(137);
  });

  for (const [signal, status] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
    ["SIGHUP", 129],
  ] as const) {
    test(`passes ${signal} on and cleans up`, async () => {
      const words = ["--network", "demo", "--", "sh", "-c", "echo ready; exec sleep 60"];
      const child = world.start("sandbox", "run", ...words);
      await until(child.stdout, "ready");
      child.kill(signal);
      expect(await child.exited).toBe(status);
    });
  }

  test("ends with the command's own status when that handles the signal", async () => {
    const script = "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    const child = world.start("sandbox", "run", "--network", "demo", "sh", "-c", script);
    await until(child.stdout, "ready");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(3);
  });

  test("cleans up when a signal comes while it is being set up", async () => {
    for (const delayMs of [10, 25, 45]) {
      const child = world.start("sandbox", "run", "--network", "demo", "--", "sleep", "60");
      await Bun.sleep(delayMs);
      child.kill("SIGTERM");
      expect(await child.exited).toBe(143);
    }
  });

  test("cleans up when Ctrl-C at a terminal reaches all of its processes at once", async () => {
    for (const delayMs of [10, 25, 45]) {
      const words = ["--network", "demo", "--", "sleep", "60"];
      const child = world.start("sandbox", "run", ...words);
      await Bun.sleep(delayMs);
      process.kill(-child.pid, "SIGINT");
      expect(await child.exited).toBe(130);
    }
  });

  test("ends what the command leaves running", async () => {
    const script = "(trap '' TERM; sleep 77) & sleep 78 & echo ready";
    const { status } = await sandbox("sh", "-c", script);
    expect(status).toBe(0);
    const left = (await run(["pgrep", "-f", "^sleep 7[78]$"])).stdout;
    expect(left).toBe("");
  });

  test("leaves alone who only passes by: an agent looks after containers from inside", async () => {
    const name = "visited";
    const words = ["--name", name, "--network", "demo", "--", "sh", "-c", "echo ready; sleep 1"];
    const child = world.start("sandbox", "run", ...words);
    await until(child.stdout, "ready");
    const visitor = Bun.spawn(["nsenter", `--net=/run/netns/${name}`, "sleep", "60"]);
    try {
      expect(await child.exited).toBe(0);
      expect(visitor.exitCode ?? visitor.signalCode).toBeNull();
    } finally {
      visitor.kill("SIGKILL");
      await visitor.exited;
    }
  });

  test("publishes ports", async () => {
    const serve = "echo ready; while :; do echo hello | busybox nc -lp 80; done";
    const words = ["--network", "demo", "-p", "8080:80", "--", "sh", "-c", serve];
    const child = world.start("sandbox", "run", ...words);
    try {
      await until(child.stdout, "ready");
      const fetch = `echo | busybox nc -w 5 ${lan.host4} 8080`;
      // The server says "ready" a moment before it listens.
      const tries = `for i in 1 2 3 4 5 6 7 8 9; do ${fetch} && exit 0; sleep 0.1; done; exit 1`;
      expect(await world.host.shell(tries, world.host.outside)).toBe("hello\n");
    } finally {
      child.kill("SIGTERM");
      expect(await child.exited).toBe(143);
    }
  });

  test("attaches to several networks", async () => {
    const document = {
      cniVersion: "1.0.0",
      name: "other",
      plugins: [
        {
          type: "bridge",
          bridge: "other0",
          ipam: { type: "static", addresses: [{ address: "10.62.0.5/24" }] },
        },
      ],
    };
    writeFileSync(`${world.host.dir}/other.conflist`, JSON.stringify(document));
    const { stdout } = await sandbox("--network", "other", "--", "ip", "-br", "-4", "address");
    expect(stdout).toMatch(/^eth0@\S+ +UP +10\.61\.0\./m);
    expect(stdout).toMatch(/^eth1@\S+ +UP +10\.62\.0\.5\/24/m);
  });

  test("is known by its name, which must be free", async () => {
    const name = `${world.host.netns}-box`;
    const { stdout } = await sandbox("--name", name, "--", "ip", "netns");
    expect(stdout).toMatch(new RegExp(`^${name}\\b`, "m"));
    await run(["ip", "netns", "add", name]);
    const taken = await sandbox("--name", name, "--", "true");
    await run(["ip", "netns", "del", name]);
    expect(taken.status).toBe(1);
    expect(taken.stderr).toContain(`A namespace "${name}" exists already: choose another name`);
  });

  test("that can't be attached leaves nothing and doesn't run the command", async () => {
    const broken = { cniVersion: "1.0.0", name: "broken", plugins: [{ type: "no-such-plugin" }] };
    writeFileSync(`${world.host.dir}/broken.conflist`, JSON.stringify(broken));
    const { stdout, stderr, status } = await sandbox("--network", "broken", "--", "echo", "ran");
    expect({ stdout, status }).toEqual({ stdout: "", status: 1 });
    expect(stderr).toContain('Cannot find plugin "no-such-plugin"');
  });

  test("refuses ports that no plugin publishes", async () => {
    const { stderr, status } = await world.netloom(
      ...["sandbox", "run", "--network", "other", "-p", "8080:80", "--", "true"],
    );
    expect(status).toBe(1);
    expect(stderr).toContain('No plugin of network "other" has the capability "portMappings"');
  });
});
