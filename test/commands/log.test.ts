/** Tests the log of plugin calls: silent unless asked for, and never on standard output. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { type CniCommand, callPlugin } from "../support/cni-call.ts";
import { ourDir } from "../support/reference.ts";
import { TestHost } from "../support/test-host.ts";

let host: TestHost;
let container: string;
beforeAll(async () => {
  host = await TestHost.create();
  container = await host.addContainer();
});
afterAll(() => host.remove());

const config = { cniVersion: "1.0.0", name: "local", type: "loopback" };
const call = (command: CniCommand, env: Record<string, string>, conf: object = config) =>
  callPlugin({
    host,
    plugins: ourDir(),
    command,
    type: "loopback",
    config: conf,
    containerId: "c1",
    container,
    env,
  });

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("the log", () => {
  test("is silent unless it is asked for", async () => {
    const { stderr, json } = await call("ADD", {});
    expect(stderr).toBe("");
    expect(json.interfaces[0].name).toBe("lo");
  });

  test("goes to standard error, one line of JSON a call, and results stay apart", async () => {
    const env = { NETLOOM_LOG: "stderr", TRACEPARENT: traceparent };
    const { stderr, json } = await call("ADD", env);
    expect(json.interfaces[0].name).toBe("lo");
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    const { ts, pid, durationMs, ...rest } = JSON.parse(lines[0]!);
    expect(rest).toEqual({
      level: "info",
      event: "done",
      traceparent,
      verb: "ADD",
      plugin: "loopback",
      containerId: "c1",
      ifName: "eth0",
      network: "local",
    });
    expect(new Date(ts).toISOString()).toBe(ts);
    expect(pid).toBeGreaterThan(0);
    expect(durationMs).toBeGreaterThan(0);
  });

  test("goes to a file, which only its owner reads and to which every call adds", async () => {
    const file = `${host.dir}/log`;
    const env = { NETLOOM_LOG: file };
    await call("ADD", env);
    const failed = await call("ADD", env, { ...config, name: "../x" });
    expect(failed.stderr).toBe("");
    const lines = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ event }) => event)).toEqual(["done", "failed"]);
    expect(lines[1]).toMatchObject({ level: "error", code: 7, error: failed.json.msg });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    rmSync(file);
  });

  test("that can't be opened is said, and stops nothing", async () => {
    const { stderr, status } = await call("ADD", { NETLOOM_LOG: "/no/such/folder/log" });
    expect(status).toBe(0);
    expect(stderr).toContain("cannot open the log that NETLOOM_LOG names");
    expect(existsSync("/no/such/folder/log")).toBe(false);
  });

  test("that can't be written stops nothing", async () => {
    const { json, status } = await call("ADD", { NETLOOM_LOG: "/dev/full" });
    expect(status).toBe(0);
    expect(json.interfaces).toHaveLength(1);
  });
});
