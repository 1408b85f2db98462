/** Objects as a table, as Kubernetes' servers print them for `kubectl get`. */
import type { Column, Kind } from "./kind.ts";
import type { ApiObject } from "./object.ts";

/** What a client asks to have beside a row's cells. */
export type IncludeObject = "None" | "Metadata" | "Object";

export interface Table {
  readonly kind: "Table";
  readonly apiVersion: "meta.k8s.io/v1";
  readonly metadata: object;
  readonly columnDefinitions: readonly ColumnDefinition[];
  readonly rows: readonly TableRow[];
}

export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0: always shown; more: by `-o wide` only. */
  readonly priority: number;
}

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: object;
}

/** `Accept` and `Content-Type` of tables. */
export const tableType = "application/json;as=Table;g=meta.k8s.io;v=v1";

type AnyColumn = Column<ApiObject<any, any>>;

const name: AnyColumn = {
  name: "Name",
  type: "string",
  description: "Unique in its namespace.",
  cell: ({ metadata }) => metadata.name,
};
const age: AnyColumn = {
  name: "Age",
  type: "date",
  description: "Since when it has been there.",
  cell: ({ metadata }) => metadata.creationTimestamp,
};

const columnsOf = (kind: Kind<any, any>): readonly AnyColumn[] => [name, ...kind.columns, age];

/** The table of these objects. `listMetadata` is that of their list, or of the one object. */
export function tableOf(
  kind: Kind<any, any>,
  objects: readonly ApiObject<any, any>[],
  how: { readonly nowMs: number; readonly listMetadata: object; readonly include?: IncludeObject },
): Table {
  const columns = columnsOf(kind);
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: how.listMetadata,
    columnDefinitions: columns.map(definitionOf),
    rows: objects.map((object) => ({
      cells: columns.map((column) => cellOf(column, object, how.nowMs)),
      ...beside(object, how.include ?? "Metadata"),
    })),
  };
}

const definitionOf = (column: AnyColumn): ColumnDefinition => ({
  name: column.name,
  type: column.type,
  format: column === name ? "name" : "",
  description: column.description,
  priority: column.wide ? 1 : 0,
});

function cellOf({ cell, type }: AnyColumn, object: ApiObject<any, any>, nowMs: number): unknown {
  const value = cell(object, nowMs);
  if (value === undefined || value === "") return "<none>";
  if (type !== "date") return value;
  const then = Date.parse(String(value));
  return Number.isNaN(then) ? "<invalid>" : humanDuration(nowMs - then);
}

function beside(object: ApiObject, include: IncludeObject): { readonly object?: object } {
  if (include === "None") return {};
  if (include === "Object") return { object };
  const { metadata } = object;
  return { object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata } };
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** Below so many seconds, in these units, the second only where it is not zero. */
const scales: readonly [below: number, ...units: (readonly [string, number])[]][] = [
  [2 * minute, ["s", 1]],
  [10 * minute, ["m", minute], ["s", 1]],
  [3 * hour, ["m", minute]],
  [8 * hour, ["h", hour], ["m", minute]],
  [2 * day, ["h", hour]],
  [8 * day, ["d", day], ["h", hour]],
  [2 * year, ["d", day]],
  [8 * year, ["y", year], ["d", day]],
  [Number.POSITIVE_INFINITY, ["y", year]],
];

/** `5m12s`, `3h`, `12d`: as Kubernetes prints ages. Clocks may differ by a second. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  const [, first, second] = scales.find(([below]) => seconds < below)!;
  const [name, size] = first!;
  const whole = `${Math.floor(seconds / size)}${name}`;
  const rest = second ? Math.floor((seconds % size) / second[1]) : 0;
  return rest === 0 ? whole : `${whole}${rest}${second![0]}`;
}
