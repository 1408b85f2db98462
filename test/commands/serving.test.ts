/** Servers and agents that can't start: they say why, once, and end. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { flock } from "../../src/kernel/sys/libc.ts";
import { type Finished, run } from "../support/run.ts";

const executable = resolve(import.meta.dir, "../../dist/netloom");
let dir: string;
let busy: Server;
let portInUse: number;
const locks: number[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "netloom-serving-"));
  busy = createServer().listen(0, "127.0.0.1");
  await new Promise((listening) => busy.once("listening", listening));
  portInUse = (busy.address() as { port: number }).port;
  lock("served", "api.lock");
  lock("used", "agent.lock");
});
afterAll(() => {
  busy.close();
  for (const fd of locks) closeSync(fd);
  rmSync(dir, { recursive: true });
});

/** As another server or agent holds it. */
function lock(folder: string, file: string): void {
  mkdirSync(`${dir}/${folder}`);
  const fd = openSync(`${dir}/${folder}/${file}`, "w");
  locks.push(fd);
  flock(fd, "tryExclusive");
}

let count = 0;
/** Runs it with directories of its own where the words name none. */
function serve(command: string, ...words: readonly string[]): Promise<Finished> {
  const own = `${dir}/${++count}`;
  mkdirSync(own);
  return run([executable, command, ...words], {
    env: { NETLOOM_STATE_DIR: `${own}/state`, NETLOOM_RUN_DIR: `${own}/run` },
    timeoutMs: 10_000,
  });
}

/** What it was, its command and words, what it says of it. */
const table: [string, () => readonly [string, ...string[]], RegExp][] = [
  [
    "a server whose port is in use",
    () => ["server", "--listen", `127.0.0.1:${portInUse}`],
    /Cannot listen on 127\.0\.0\.1:\d+: another program listens there: stop it, or .+ \(EADDRINUSE\)$/,
  ],
  [
    "a server at an address of another machine",
    () => ["server", "--listen", "192.0.2.1:7440"],
    /Cannot listen on 192\.0\.2\.1:7440: this host has no such address: .+ \(EADDRNOTAVAIL\)$/,
  ],
  [
    "a server without its certificate",
    () => ["server", "--listen", "127.0.0.1:0", "--tls-cert", "/nope", "--tls-key", "/nope"],
    /Cannot serve TLS: Cannot open "\/nope": there is no such file or folder \(ENOENT\)$/,
  ],
  [
    "a server of a run directory that is served",
    () => ["server", "--run-dir", `${dir}/served`],
    /Another server serves .*served: stop it first/,
  ],
  [
    "up in a run directory that is served",
    () => ["up", "--run-dir", `${dir}/served`],
    /Another server serves .*served: stop it first/,
  ],
  [
    "up with a state directory that an agent uses",
    () => ["up", "--state-dir", `${dir}/used`, "--store", `sqlite:${dir}/other.db`],
    /Another agent uses the state directory ".*used"/,
  ],
  [
    "a server whose state directory can't be made",
    () => ["server", "--state-dir", "/proc/nope"],
    /Cannot make folder "\/proc\/nope": there is no such file or folder \(ENOENT\)$/,
  ],
  [
    "a server whose run directory is a file",
    () => ["server", "--run-dir", executable],
    /Cannot open ".*netloom\/api.lock": a file stands where a folder must be: .+ \(ENOTDIR\)$/,
  ],
  [
    "an agent without its token",
    () => ["agent", "--token-file", "/nope"],
    /Cannot open "\/nope": there is no such file or folder \(ENOENT\)$/,
  ],
  [
    "an agent with a state directory that another uses",
    () => ["agent", "--state-dir", `${dir}/used`],
    /Another agent uses the state directory ".*used"/,
  ],
];

test.each(table)("%s says so once, and ends", async (_what, words, reason) => {
  const [command, ...rest] = words();
  const { status, stderr } = await serve(command, ...rest);
  const said = stderr.split("\n").filter((line) => line !== "" && !line.includes('"info"'));
  expect(said).toEqual([expect.stringMatching(reason)]);
  expect(said[0]).toStartWith(`netloom ${command}: `);
  expect(status).toBe(1);
});
