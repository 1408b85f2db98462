/** Tests the lines of the log. */
import { expect, test } from "bun:test";
import { jsonLog } from "./log.ts";

const now = () => new Date("2026-01-02T03:04:05.678Z");

test("an event is one line of JSON, its time first", () => {
  const lines: string[] = [];
  const log = jsonLog({ write: (line) => lines.push(line), base: { pid: 7 }, now });
  log({ level: "info", event: "done", verb: "ADD", ifName: undefined, error: "two\nlines" });
  expect(lines).toEqual([
    '{"ts":"2026-01-02T03:04:05.678Z","level":"info","event":"done","pid":7,"verb":"ADD",' +
      '"error":"two\\nlines"}\n',
  ]);
});

test("an event that can't be written is lost, and nothing else with it", () => {
  const log = jsonLog({
    write: () => {
      throw new Error("disk full");
    },
    now,
  });
  expect(() => log({ level: "error", event: "failed" })).not.toThrow();
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(() => log({ level: "info", event: "done", loop })).not.toThrow();
});

test("what matters less than is asked for is left out", () => {
  const lines: string[] = [];
  const log = jsonLog({ write: (line) => lines.push(line), least: "info" });
  for (const level of ["debug", "info", "warn", "error"] as const) log({ level, event: level });
  expect(lines.map((line) => JSON.parse(line).event)).toEqual(["info", "warn", "error"]);
});
