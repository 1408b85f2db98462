/** Prints objects: lists, single ones, and what changes of them. */
import { pathOf } from "../../api/client/requests.ts";
import { isNotFound } from "../../api/status-error.ts";
import type { Call } from "../command.ts";
import type { getFlags } from "../commands/get.ts";
import { type Api, apiOf, type Place, type Query } from "../connection/api.ts";
import { single, UsageError } from "../options.ts";
import {
  complete,
  type Format,
  formatOf,
  listOf,
  nameOf,
  printed,
  withoutManagedFields,
} from "../output/format.ts";
import { TablePrinter, tableAccept, tableFrom } from "../output/table.ts";
import { readFiles } from "./files.ts";
import { follow } from "./follow.ts";
import { placeOf } from "./manifest.ts";
import { type Target, targetsOf } from "./targets.ts";

type GetCall = Call<typeof getFlags>;

interface Wanted {
  readonly call: GetCall;
  readonly api: Api;
  readonly format: Format;
  /** One entry a kind, or an object. */
  readonly places: readonly Place[];
  readonly query: Query;
}

/** So many objects come in one answer. */
const pageSize = 500;

export async function get(call: GetCall, { isWatch = false } = {}): Promise<number> {
  const { line } = call;
  const format = formatOf(single(line, "output"));
  const api = apiOf(call);
  const places = await placesOf(call, api);
  const labelSelector = single(line, "selector");
  const fieldSelector = single(line, "field-selector");
  const isNamed = places.some(({ name }) => name !== undefined);
  if (isNamed && (labelSelector ?? fieldSelector) !== undefined) {
    throw new UsageError("Give names or a selector, not both");
  }
  const wanted = { call, api, format, places, query: { labelSelector, fieldSelector } };
  if (isWatch || line.options.watch) return watched(wanted);
  return format.as === "table" ? tables(wanted, format.wide) : objects(wanted, format);
}

async function placesOf({ line, surroundings }: GetCall, api: Api): Promise<Place[]> {
  const all = line.options["all-namespaces"] !== undefined;
  if (line.options.filename) {
    if (line.operands.length > 0) throw new UsageError("Give -f or names, not both");
    const manifests = await readFiles(line.options, surroundings);
    return manifests.map((manifest) => placeOf(manifest, api));
  }
  const targets = targetsOf(line.operands);
  if (targets.length === 0) {
    throw new UsageError("Say what to get: netloom get networks; netloom explain lists the kinds");
  }
  if (all && targets.some(({ name }) => name !== undefined)) {
    throw new UsageError("An object of a name is in one namespace: say -n NAMESPACE instead of -A");
  }
  return targets.map((target) => within(target, all ? undefined : api.namespace));
}

const within = ({ kind, name }: Target, namespace: string | undefined): Place => ({
  kind,
  ...(kind.namespaced && namespace !== undefined && { namespace }),
  ...(name !== undefined && { name }),
});

/** Goes on past objects that are not there, and tells of them at the end. */
async function tables({ call, api, places, query }: Wanted, wide: boolean): Promise<number> {
  const { terminal } = call.surroundings;
  const several = new Set(places.map(({ kind }) => kind)).size > 1;
  const failures: unknown[] = [];
  let printedAny = false;
  let printer: { readonly kind: unknown; readonly table: TablePrinter } | undefined;
  for (const place of places) {
    const { kind, name } = place;
    try {
      for await (const answer of pages(api, place, query, tableAccept)) {
        const table = tableFrom(kind, answer, call.surroundings.now());
        if (!table.rows?.length) continue;
        if (printer?.kind !== kind) {
          if (printedAny) terminal.out("\n");
          const options = tableOptions(call, wide);
          const prefix = several ? nameOf(kind, "") : "";
          printer = { kind, table: new TablePrinter(terminal, { ...options, prefix }) };
        }
        printer.table.print(table);
        printedAny = true;
      }
    } catch (error) {
      if (name === undefined || !isNotFound(error)) throw error;
      if (!call.line.options["ignore-not-found"]) failures.push(error);
    }
  }
  if (!printedAny && failures.length === 0 && !call.line.options["ignore-not-found"]) {
    terminal.note(noneText(places));
  }
  throwAll(failures);
  return 0;
}

function tableOptions({ line }: GetCall, wide: boolean) {
  return {
    wide,
    withNamespace: line.options["all-namespaces"] !== undefined,
    withHeader: line.options["no-headers"] === undefined,
  };
}

function noneText(places: readonly Place[]): string {
  const kinds = [...new Set(places.map(({ kind }) => kind.plural))].join(", ");
  const [{ namespace } = {}] = places;
  return namespace === undefined ? `No ${kinds}` : `No ${kinds} in namespace "${namespace}"`;
}

async function* pages(api: Api, place: Place, query: Query, accept: string): AsyncGenerator<any> {
  const isList = place.name === undefined;
  let next: string | undefined;
  do {
    const paging = isList ? { ...query, limit: pageSize, continue: next } : {};
    const path = pathOf(place.kind, place);
    const answer: any = await api.client.json(path, { accept, query: paging });
    yield answer;
    next = answer.metadata?.continue || undefined;
  } while (isList && next !== undefined);
}

type ObjectFormat = Exclude<Format, { as: "table" }>;

async function objects(
  { call, api, places, query }: Wanted,
  format: ObjectFormat,
): Promise<number> {
  const { line, surroundings } = call;
  const found: { readonly place: Place; readonly object: any }[] = [];
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      for await (const answer of pages(api, place, query, "application/json")) {
        const items = place.name === undefined ? answer.items : [answer];
        for (const item of items) found.push({ place, object: complete(place.kind, item) });
      }
    } catch (error) {
      if (place.name === undefined || !isNotFound(error)) throw error;
      if (!line.options["ignore-not-found"]) failures.push(error);
    }
  }
  const isOne = places.length === 1 && places[0]!.name !== undefined;
  if (!isOne || found.length > 0) surroundings.terminal.out(textOf(call, format, found, isOne));
  throwAll(failures);
  return 0;
}

function textOf(
  { line }: GetCall,
  format: ObjectFormat,
  found: readonly { readonly place: Place; readonly object: any }[],
  isOne: boolean,
): string {
  if (format.as === "name") {
    return found
      .map(({ place, object }) => `${nameOf(place.kind, object.metadata.name)}\n`)
      .join("");
  }
  const isKept = line.options["show-managed-fields"] !== undefined;
  const shown = found.map(({ object }) => (isKept ? object : withoutManagedFields(object)));
  return printed(format, isOne ? shown[0] : listOf(shown));
}

async function watched({ call, api, format, places, query }: Wanted): Promise<number> {
  const { surroundings } = call;
  const [place, ...others] = places;
  if (!place || others.length > 0) throw new UsageError("Watch one kind, or one object");
  const isTable = format.as === "table";
  const accept = isTable ? tableAccept : "application/json";
  const { signal } = new AbortController();
  const printer = new TablePrinter(
    surroundings.terminal,
    tableOptions(call, isTable && format.wide),
  );
  for await (const change of follow(api, { place, query, accept, signal }, surroundings)) {
    const answer = change.type === "LIST" ? change.list : change.object;
    if (isTable) {
      printer.print(tableFrom(place.kind, answer, surroundings.now()));
      continue;
    }
    const several = change.type === "LIST" ? answer.items : [answer];
    for (const object of several) {
      const found = [{ place, object: complete(place.kind, object) }];
      const text = textOf(call, format, found, true);
      const documents = format.as === "yaml" ? `---\n${text}` : text;
      surroundings.terminal.out(documents.endsWith("\n") ? documents : `${documents}\n`);
    }
  }
  return 0;
}

/** One as it is; several together. */
export function throwAll(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} failures`);
}
