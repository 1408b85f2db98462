/** An object's fields as lines for people. */
import type { Condition } from "../../api/object.ts";
import { humanDuration } from "../../api/table.ts";
import { layOut } from "../output/cells.ts";
import type { Surroundings } from "../surroundings.ts";

interface Described {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

/** Name, labels, spec, status; the conditions as a table, for people look there first. */
export function described(
  object: object,
  { now, terminal }: Pick<Surroundings, "now" | "terminal">,
): string {
  const { kind, metadata, spec = {}, status = {} } = object as Described;
  const { conditions, ...rest } = status as { conditions?: readonly Condition[] };
  const since = (time: string) => `${time} (${age(time, now())} ago)`;
  const head: [string, unknown][] = [
    ["Name", metadata.name],
    ["Kind", kind],
    ["Namespace", metadata.namespace],
    ["Labels", pairs(metadata.labels)],
    ["Annotations", pairs(metadata.annotations)],
    ["Created", metadata.creationTimestamp && since(metadata.creationTimestamp)],
    ["Being deleted since", metadata.deletionTimestamp && since(metadata.deletionTimestamp)],
    ["Waits for", metadata.deletionTimestamp ? metadata.finalizers : undefined],
  ];
  const lines = [
    ...fieldLines(Object.fromEntries(head), "", (name) => name),
    ...section("Spec", spec),
    ...section("Status", rest),
    ...(conditions ? conditionLines(conditions, now(), terminal) : []),
  ];
  return `${lines.join("\n")}\n`;
}

const pairs = (map: Readonly<Record<string, string>> = {}) =>
  Object.entries(map).map(([key, value]) => `${key}=${value}`);

function section(title: string, fields: Readonly<Record<string, unknown>>): string[] {
  const lines = fieldLines(fields, "  ", worded);
  return lines.length === 0 ? [] : [`${title}:`, ...lines];
}

/** Values in a column; what has parts of its own is below, indented. */
function fieldLines(
  fields: Readonly<Record<string, unknown>>,
  indent: string,
  word: (name: string) => string,
): string[] {
  const shown = Object.entries(fields).filter(([, value]) => !isEmpty(value));
  const simple = shown.filter(([, value]) => inOneLine(value) !== undefined);
  const width = Math.max(0, ...simple.map(([name]) => word(name).length + 1));
  return shown.flatMap(([name, value]) => {
    const text = inOneLine(value);
    if (text !== undefined) return [`${indent}${`${word(name)}:`.padEnd(width)}  ${text}`];
    const inner = keysOfPeople.has(name) ? (key: string) => key : worded;
    return [`${indent}${word(name)}:`, ...innerLines(value, `${indent}  `, inner)];
  });
}

/** Fields whose own fields people name. */
const keysOfPeople: ReadonlySet<string> = new Set(["matchLabels", "labels", "annotations"]);

function innerLines(value: unknown, indent: string, word: (name: string) => string): string[] {
  if (!Array.isArray(value)) return fieldLines(value as Record<string, unknown>, indent, word);
  return value.map((item) => `${indent}- ${inOneLine(item) ?? compact(item)}`);
}

const isEmpty = (value: unknown) =>
  value === undefined ||
  value === null ||
  value === "" ||
  (Array.isArray(value) && value.length === 0);

function inOneLine(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const texts = value.map(inOneLine);
    return texts.every((text) => text !== undefined) ? texts.join(", ") : undefined;
  }
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" && value !== null ? undefined : clean(String(value));
}

/** `address 10.1.0.5, subnet web-v4`. */
function compact(value: unknown): string {
  const parts = Object.entries(value as object).map(([name, inner]) => {
    const text = inOneLine(inner) ?? JSON.stringify(inner);
    return `${worded(name).toLowerCase()} ${text}`;
  });
  return parts.join(", ");
}

/** `fixedIps` → `Fixed ips`. */
function worded(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, (_, a, b: string) => `${a} ${b.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function conditionLines(
  conditions: readonly Condition[],
  now: number,
  terminal: Surroundings["terminal"],
): string[] {
  if (conditions.length === 0) return [];
  const colours = { True: "green", False: "red", Unknown: "yellow" } as const;
  const rows = conditions.map(({ type, status, reason, message, lastTransitionTime }) => [
    type,
    terminal.paint(colours[status], status),
    age(lastTransitionTime, now),
    reason,
    clean(message),
  ]);
  const lines = layOut([["TYPE", "STATUS", "SINCE", "REASON", "MESSAGE"], ...rows]);
  return ["Conditions:", ...lines.map((line) => `  ${line}`)];
}

/** What an object says can't move the cursor. */
const clean = (text: string) => text.replace(/[\p{Cc}\u2028\u2029]/gu, "?");

const age = (time: string, now: number) => humanDuration(now - Date.parse(time));
