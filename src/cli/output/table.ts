/** Prints the server's tables (Kubernetes' meta.k8s.io/v1 Table). */
import type { Kind } from "../../api/kind.ts";
import { tableOf, tableType } from "../../api/table.ts";
import type { Terminal } from "../terminal.ts";
import { layOut, widths } from "./cells.ts";

export interface ServerTable {
  readonly kind: "Table";
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  /** Absent in all but the first event of a watch. */
  readonly columnDefinitions?: readonly TableColumn[] | null;
  readonly rows?: readonly TableRow[] | null;
}

export interface TableColumn {
  readonly name: string;
  readonly type?: string;
  /** Above 0: shown by `-o wide` alone. */
  readonly priority?: number;
}

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: {
    readonly metadata?: {
      readonly name?: string;
      readonly namespace?: string;
      readonly resourceVersion?: string;
    };
  };
}

export interface TableOptions {
  readonly wide: boolean;
  /** A first column of namespaces. */
  readonly withNamespace: boolean;
  readonly withHeader: boolean;
  /** Before each name: `network.netloom.dev/`. */
  readonly prefix?: string;
}

/** Accepts a table, or objects of a server that makes none. */
export const tableAccept = `${tableType},application/json`;

/** The answer as a table: made here of objects, where the server sent those. */
export function tableFrom(kind: Kind<any, any>, answer: any, nowMs: number): ServerTable {
  if (answer.kind === "Table") return answer;
  const objects = Array.isArray(answer.items) ? answer.items : [answer];
  return tableOf(kind, objects, { nowMs, listMetadata: answer.metadata });
}

/** Prints tables of one kind, one after the other, as one: a watch goes on for long. */
export class TablePrinter {
  private columns: readonly TableColumn[] = [];
  private shown: number[] = [];
  private headed = false;
  private readonly terminal: Terminal;
  private readonly options: TableOptions;

  constructor(terminal: Terminal, options: TableOptions) {
    this.terminal = terminal;
    this.options = options;
  }

  print(table: ServerTable): void {
    if (table.columnDefinitions?.length) this.columns = table.columnDefinitions;
    const { wide, withNamespace, withHeader, prefix = "" } = this.options;
    const kept = this.columns.flatMap(({ priority = 0 }, at) =>
      wide || priority === 0 ? [at] : [],
    );
    const names = kept.map((at) => this.columns[at]!.name.toUpperCase());
    const header = withNamespace ? ["NAMESPACE", ...names] : names;
    const rows = (table.rows ?? []).map(({ cells, object }) => {
      const texts = kept.map((at) => (at === 0 ? prefix : "") + cellText(cells[at]));
      return withNamespace ? [object?.metadata?.namespace ?? "", ...texts] : texts;
    });
    if (rows.length === 0) return;
    const isFirst = !this.headed;
    this.headed = true;
    const needed = widths(isFirst && withHeader ? [header, ...rows] : rows);
    this.shown = needed.map((width, at) => Math.max(width, this.shown[at] ?? 0));
    const painted = rows.map((row) => row.map((cell, at) => this.painted(header[at]!, cell)));
    const bold = header.map((name) => this.terminal.paint("bold", name));
    const lines = layOut(isFirst && withHeader ? [bold, ...painted] : painted, this.shown);
    this.terminal.out(`${lines.join("\n")}\n`);
  }

  /** How things fare is seen at a glance. */
  private painted(column: string, cell: string): string {
    if (column !== "READY" && column !== "STATUS") return cell;
    const colour = colours[cell];
    return colour ? this.terminal.paint(colour, cell) : cell;
  }
}

const colours: Readonly<Record<string, "green" | "red" | "yellow">> = {
  True: "green",
  Active: "green",
  False: "red",
  Unknown: "yellow",
  Terminating: "yellow",
};

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined || cell === "") return "<none>";
  // One line a row, whatever an object says.
  return String(cell).replace(/[\p{Cc}\u2028\u2029]/gu, "?");
}
