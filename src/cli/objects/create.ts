/** Creates objects, from files or from words of the command line. */
import { apiVersionOf } from "../../api/kind.ts";
import type { Call } from "../command.ts";
import type { createFlags } from "../commands/apply.ts";
import { apiOf, fieldManager } from "../connection/api.ts";
import { single, UsageError } from "../options.ts";
import {
  complete,
  formatOf,
  listOf,
  nameOf,
  printed,
  withoutManagedFields,
} from "../output/format.ts";
import { nearest } from "../suggest.ts";
import { withSource } from "./apply.ts";
import { readFiles } from "./files.ts";
import { inBuildOrder, type Manifest, placeOf } from "./manifest.ts";
import { created, forEach, sendingOf, tell } from "./send.ts";
import { kindMeant } from "./targets.ts";

export async function create(call: Call<typeof createFlags>): Promise<number> {
  const { line, surroundings } = call;
  const format = line.options.output ? formatOf(single(line, "output")) : undefined;
  const sending = sendingOf(line, `${fieldManager}-create`);
  const manifests = line.options.filename
    ? inBuildOrder(await filesAlone(call))
    : [manifestOf(line.operands, line.options.set, line.options.label)];
  const api = apiOf(call);
  const objects: any[] = [];
  await forEach(manifests, async (manifest) => {
    const place = placeOf(manifest, api);
    try {
      const object = complete(place.kind, await created(api, manifest, place, sending));
      objects.push(object);
      const label = nameOf(place.kind, object.metadata.name);
      if (format?.as === "name") surroundings.terminal.out(`${label}\n`);
      else if (!format || format.as === "table")
        tell(surroundings.terminal, label, "created", sending);
    } catch (error) {
      throw line.options.filename ? withSource(error, manifest) : error;
    }
  });
  if (format && format.as !== "table" && format.as !== "name") {
    const shown = objects.map((object) =>
      sending.dryRun ? withoutServerFields(object) : withoutManagedFields(object),
    );
    surroundings.terminal.out(printed(format, shown.length === 1 ? shown[0] : listOf(shown)));
  }
  return 0;
}

/** As a person would write it in a file. */
function withoutServerFields(object: any): any {
  const { uid: _, generation: __, resourceVersion: ___, ...rest } = object.metadata;
  const { creationTimestamp: ____, managedFields: _____, ...metadata } = rest;
  return { ...object, metadata };
}

function filesAlone({ line, surroundings }: Call<typeof createFlags>): Promise<Manifest[]> {
  const extra = line.operands[0] ?? (line.options.set ? "--set" : undefined);
  if (extra !== undefined) throw new UsageError(`Give -f or "${extra}", not both`);
  return readFiles(line.options, surroundings);
}

/** `network web type=bridge mtu=9000` as an object. Throws UsageError. */
export function manifestOf(
  operands: readonly string[],
  sets: readonly string[] = [],
  labels: readonly string[] = [],
): Manifest {
  const [word, name, ...fields] = operands;
  if (word === undefined) {
    throw new UsageError("Say what to create: netloom create KIND NAME [FIELD=VALUE]…, or -f FILE");
  }
  const kind = kindMeant(word);
  if (name === undefined || name.includes("=")) {
    throw new UsageError(`Name the ${kind.singular}: netloom create ${kind.singular} NAME …`);
  }
  const spec: Record<string, unknown> = {};
  const known = Object.keys(kind.spec.fields);
  for (const field of [...fields, ...sets]) {
    const [, path, value] = /^(?:spec\.)?([A-Za-z][\w.]*)=([\s\S]*)$/.exec(field) ?? [];
    if (path === undefined) throw new UsageError(`"${field}" can't be read: write FIELD=VALUE`);
    const [first = ""] = path.split(".");
    if (!known.includes(first)) throw noField(first, kind.singular, known);
    put(spec, path.split("."), parsedValue(value!, field));
  }
  const metadata = { name, ...(labels.length > 0 && { labels: labelsOf(labels) }) };
  const object = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata, spec };
  return { kind, object, source: "the command line" };
}

/** `--type bridge` → the field that is so called. `words`: all of the line. */
export function meantField(option: string, words: readonly string[]): string | undefined {
  const [, name = "", attached] = /^--(?:spec\.)?([A-Za-z]\w*)(?:=(.*))?$/s.exec(option) ?? [];
  const operands = words.filter((word) => !word.startsWith("-"));
  const kind = kindNamed(operands[0] ?? "");
  if (!kind || !Object.hasOwn(kind.spec.fields, name)) return undefined;
  const next = words[words.indexOf(option) + 1];
  const value = attached ?? (next === undefined || next.startsWith("-") ? "VALUE" : next);
  return `do you mean "${name}=${value}"?`;
}

function kindNamed(word: string) {
  try {
    return kindMeant(word);
  } catch {
    return undefined;
  }
}

function noField(name: string, kind: string, known: readonly string[]): UsageError {
  const meant = nearest(name, known);
  const remedy =
    meant === undefined ? `"netloom explain ${kind}.spec" lists them` : `do you mean "${meant}"?`;
  return new UsageError(`A ${kind} has no field "${name}": ${remedy}`);
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    Object.defineProperty(target, first, { value, enumerable: true, configurable: true });
    return;
  }
  const inner = Object.hasOwn(target, first) ? target[first] : undefined;
  const next = typeof inner === "object" && inner !== null ? { ...inner } : {};
  put(next as Record<string, unknown>, rest, value);
  Object.defineProperty(target, first, { value: next, enumerable: true, configurable: true });
}

function parsedValue(text: string, field: string): unknown {
  if (text === "") return "";
  try {
    return Bun.YAML.parse(text);
  } catch (error) {
    const why = (error as Error).message;
    throw new UsageError(`The value of "${field}" can't be read as YAML: ${why}`);
  }
}

function labelsOf(words: readonly string[]): Record<string, string> {
  const pairs = words
    .flatMap((word) => word.split(","))
    .map((word) => {
      const equals = word.indexOf("=");
      if (equals < 1) throw new UsageError(`Label "${word}" can't be read: write KEY=VALUE`);
      return [word.slice(0, equals), word.slice(equals + 1)] as const;
    });
  return Object.fromEntries(pairs);
}
