/** Tables: columns, cells and ages. */
import { expect, test } from "bun:test";
import { hostKind } from "./kinds/host.ts";
import { networkKind } from "./kinds/network.ts";
import { tokenKind } from "./kinds/token.ts";
import type { ApiObject } from "./object.ts";
import { humanDuration, tableOf } from "./table.ts";

const s = 1000;
const m = 60 * s;
const h = 60 * m;
const d = 24 * h;
const durations: readonly [number, string][] = [
  [-5 * s, "<invalid>"],
  [-1 * s, "0s"],
  [0, "0s"],
  [119 * s, "119s"],
  [2 * m, "2m"],
  [5 * m + 12 * s, "5m12s"],
  [10 * m + 12 * s, "10m"],
  [179 * m, "179m"],
  [3 * h + 5 * m, "3h5m"],
  [8 * h + 5 * m, "8h"],
  [47 * h, "47h"],
  [2 * d + 3 * h, "2d3h"],
  [9 * d + 3 * h, "9d"],
  [729 * d, "729d"],
  [731 * d, "2y1d"],
  [3000 * d, "8y"],
];

for (const [ms, text] of durations) {
  test(`${ms / 1000} s are shown as ${text}`, () => expect(humanDuration(ms)).toBe(text));
}

const nowMs = Date.parse("2026-01-02T00:00:00Z");
const metadata = { name: "blue", namespace: "a", creationTimestamp: "2026-01-01T23:55:00Z" };
const network = { metadata, spec: { type: "bridge" }, status: { subnets: ["a", "b"] } };

test("name comes first, age last, and wide columns have a priority", () => {
  const table = tableOf(networkKind, [network as unknown as ApiObject], {
    nowMs,
    listMetadata: { resourceVersion: "7" },
  });
  expect(table.columnDefinitions.map(({ name, priority }) => [name, priority])).toEqual([
    ["Name", 0],
    ["Type", 0],
    ["Subnets", 0],
    ["Ports", 0],
    ["Ready", 0],
    ["Parent", 1],
    ["Age", 0],
  ]);
  expect(table.rows[0]!.cells).toEqual(["blue", "bridge", "a,b", 0, "<none>", "<none>", "5m"]);
  expect(table.rows[0]!.object).toEqual({
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata,
  });
  expect(table.metadata).toEqual({ resourceVersion: "7" });
});

test("other times are ages too, and no object comes where none is asked for", () => {
  const host = { metadata, spec: {}, status: { heartbeat: "2026-01-01T23:59:30Z" } };
  const how = { nowMs, listMetadata: {}, include: "None" } as const;
  const [row] = tableOf(hostKind, [host as unknown as ApiObject], how).rows;
  expect(row!.cells[3]).toBe("30s");
  expect("object" in row!).toBe(false);
});

test("a token whose time is over is marked so", () => {
  const ending = (expires?: string) => ({ metadata, spec: { user: "ann", expires } });
  const tokens = [ending("2026-01-02T00:00:00Z"), ending("2026-01-02T00:00:01Z"), ending()];
  const { rows } = tableOf(tokenKind, tokens as unknown as ApiObject[], {
    nowMs,
    listMetadata: {},
  });
  expect(rows.map(({ cells }) => cells[3])).toEqual([
    "2026-01-02T00:00:00Z (expired)",
    "2026-01-02T00:00:01Z",
    "<none>",
  ]);
});
