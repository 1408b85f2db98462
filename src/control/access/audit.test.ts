/** What the audit log says of changes, and what becomes of it when the disk is full. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiObject } from "../../api/object.ts";
import type { Trail } from "../http/trail.ts";
import { auditLines, changesOf } from "./audit.ts";
import { AuditFile } from "./audit-file.ts";
import { AuditLog } from "./audit-log.ts";

const object = (rest: object) => rest as unknown as ApiObject;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-audit-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("changes are told field by field, lists whole, secrets not at all", () => {
  const old = object({ spec: { mtu: 1, dns: ["a"] }, metadata: { labels: { "a.b/c": "1" } } });
  const next = object({
    spec: { dns: ["a", "b"], mtu: 1, qos: { rate: 2 } },
    status: { hash: "x" },
  });
  expect(changesOf({ old, next })).toEqual([
    { path: "spec.dns", old: ["a"], new: ["a", "b"] },
    { path: "spec.qos.rate", new: 2 },
    { path: 'metadata.labels."a.b/c"', old: "1" },
    { path: "status.hash", new: "(secret)" },
  ]);
});

const trail: Trail = { caller: {}, method: "POST", target: "/x", affected: new Map() };

/** A log whose disk may be full, at a time that may be set. */
function audited() {
  const events: string[] = [];
  const lines: any[] = [];
  const disk = { isFull: false, nowMs: 0 };
  const audit = new AuditLog({
    sink: (text) => {
      if (disk.isFull) throw new Error("ENOSPC");
      lines.push(
        ...text
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
      );
    },
    log: ({ event, lost }) => events.push(`${event} ${lost ?? ""}`.trim()),
    now: () => disk.nowMs,
  });
  return { audit, disk, lines, events };
}

const told = (status: object) => object({ metadata: { name: "h1", uid: "u" }, status });
const beat = (change: object, more: Partial<Trail> = {}): Trail => ({
  ...{ caller: {}, method: "PATCH", target: "/x" },
  asked: {
    ...{ verb: "patch", group: "netloom.dev" },
    resource: "hosts",
    subresource: "status",
    name: "h1",
  },
  identity: { user: "system:host:h1", groups: [], source: "token" },
  affected: new Map([
    [
      "u",
      {
        old: told({ heartbeat: "1", ports: 1 }),
        next: told({ heartbeat: "2", ports: 1, ...change }),
      },
    ],
  ]),
  ...more,
});
const root = { user: "root", groups: [], source: "socket" } as const;
const other = { user: "system:host:h2", groups: [], source: "token" } as const;
const admin = { user: "ann", groups: [], source: "certificate" } as const;
const beats: [string, Trail, number, number][] = [
  ["that says nothing else has no line", beat({}), 200, 0],
  ["over the socket has none either", beat({}, { identity: root }), 200, 0],
  ["with which something changed has one", beat({ ports: 2 }), 200, 1],
  ["that is refused has one", beat({}), 403, 1],
  ["that failed has one", beat({}), 409, 1],
  ["of another host has one", beat({}, { identity: other }), 200, 1],
  ["by an admin has one", beat({}, { identity: admin }), 200, 1],
];
test.each(beats)("a heartbeat %s", (_name, trail, code, lines) => {
  expect(auditLines(trail, code, new Date(0))).toHaveLength(lines);
});

test("while nothing can be written it says so, keeps what happened, and tells the log once", () => {
  const { audit, disk, lines, events } = audited();
  expect(audit.trouble()).toBeUndefined();
  disk.isFull = true;
  audit.record(trail, 400);
  audit.record(trail, 422);
  expect(audit.trouble()).toBe("ENOSPC");
  disk.isFull = false;
  expect(audit.trouble()).toBeUndefined();
  expect(lines.map(({ code }) => code)).toEqual([400, 422]);
  expect(events).toEqual(["audit log can't be written", "audit log written again 0"]);
});

test("no more is kept than has room, and what is lost is counted", () => {
  const { audit, disk, lines, events } = audited();
  disk.isFull = true;
  const long = { ...trail, target: "x".repeat(1 << 19) };
  for (let i = 0; i < 5; i++) audit.record(long, 400);
  disk.isFull = false;
  expect(audit.trouble()).toBeUndefined();
  expect(events.at(-1)).toBe(`audit log written again ${5 - lines.length}`);
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.length).toBeLessThan(5);
});

test("who asks too much is told of once a second, with how often it was", () => {
  const { audit, disk, lines } = audited();
  const of = (address: string): Trail => ({ ...trail, caller: { address } });
  for (let i = 0; i < 100; i++) audit.record(of(`2001:db8::${i}`), 429);
  audit.record(of("10.0.0.1"), 429);
  audit.record(of("2001:db8::1"), 401);
  disk.nowMs = 1000;
  audit.record(of("2001:db8::1"), 429);
  expect(lines.map(({ code, repeated }) => [code, repeated])).toEqual([
    [429, undefined],
    [429, undefined],
    [401, undefined],
    [429, 99],
  ]);
});

test("a large file is put aside, and the oldest goes", () => {
  const file = new AuditFile(join(folder, "audit.log"), { bytes: 10, kept: 2 });
  for (const line of ["first..\n", "second.\n", "third..\n", "fourth.\n"]) file.append(line);
  file.close();
  expect(readdirSync(folder).sort()).toEqual(["audit.log", "audit.log.1", "audit.log.2"]);
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  expect(["audit.log.2", "audit.log.1", "audit.log"].map(read).join("")).toBe(
    "second.\nthird..\nfourth.\n",
  );
});

test("a file that is taken away is begun anew", () => {
  const path = join(folder, "audit.log");
  const file = new AuditFile(path);
  file.append("first\n");
  rmSync(path);
  file.append("second\n");
  file.close();
  expect(readFileSync(path, "utf8")).toBe("second\n");
});
