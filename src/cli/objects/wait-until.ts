/** Waits until an object is as wanted, or gone. */
import { portKind } from "../../api/kinds/port.ts";
import type { Api, Named } from "../connection/api.ts";
import { TimedOut } from "../exit.ts";
import { UsageError } from "../options.ts";
import { nameOf } from "../output/format.ts";
import { plain, valuesAt } from "../output/jsonpath.ts";
import { parseTemplate } from "../output/jsonpath-syntax.ts";
import type { Surroundings } from "../surroundings.ts";
import { follow } from "./follow.ts";

/** What is waited for. */
export type Until =
  | "delete"
  | "create"
  | { readonly condition: { readonly type: string; readonly status: string } }
  /** Without a value: that there is one. */
  | { readonly jsonpath: string; readonly value?: string };

/** Reads `--for`. Throws UsageError. */
export function untilOf(text: string): Until {
  if (text === "delete" || text === "create") return text;
  const [word, rest] = splitOnce(text, "=");
  if (word === "condition" && rest) {
    const [type, status = "True"] = splitOnce(rest, "=");
    return { condition: { type, status } };
  }
  if (word === "jsonpath" && rest) {
    const [, template, value] = /^(\{.*\})(?:=([\s\S]*))?$/.exec(rest) ?? [];
    if (template !== undefined) {
      parseTemplate(template);
      return { jsonpath: template, value };
    }
  }
  const forms =
    "condition=Ready, condition=Ready=False, delete, create or jsonpath='{.status.mac}'";
  throw new UsageError(`"--for=${text}" can't be read: write ${forms}`);
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

export interface Wait {
  readonly api: Api;
  readonly place: Named;
  readonly until: Until;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  readonly surroundings: Surroundings;
  /** delete: of this object alone, not of another with its name. */
  readonly uid?: string;
}

/** Throws TimedOut with what the object lacks, and ApiError. */
export async function waitUntil(wait: Wait): Promise<void> {
  const { api, place, until, deadline, surroundings, uid } = wait;
  const label = nameOf(place.kind, place.name);
  const stop = new AbortController();
  const left = Math.max(0, deadline - surroundings.now());
  const timer = setTimeout(() => stop.abort(), Math.min(left, 0x7fff_ffff));
  let lacks = "";
  const done = surroundings.terminal.progress(() => `Waiting for ${label}${lacks && `: ${lacks}`}`);
  try {
    for await (const change of follow(api, { place, signal: stop.signal }, surroundings)) {
      const listed = change.type === "LIST" ? change.list.items[0] : change.object;
      const isGone = change.type === "DELETED" || !listed;
      const object =
        isGone || (uid !== undefined && listed.metadata.uid !== uid) ? undefined : listed;
      if (holds(until, object)) return;
      lacks = lacking(until, object);
    }
  } finally {
    clearTimeout(timer);
    done();
  }
  throw new TimedOut(`Waited too long for ${label}${lacks && `: ${lacks}`}`);
}

interface Waited {
  readonly kind?: string;
  readonly metadata: {
    readonly generation?: number;
    readonly deletionTimestamp?: string;
    readonly finalizers?: readonly string[];
  };
  readonly status?: {
    readonly bindings?: readonly unknown[];
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
      readonly observedGeneration?: number;
    }[];
  };
}

function holds(until: Until, object: Waited | undefined): boolean {
  if (until === "delete") return object === undefined;
  if (until === "create") return object !== undefined;
  if ("condition" in until) return conditionHolds(until.condition, object);
  const [value] = object ? valuesAt(until.jsonpath, object) : [];
  return value !== undefined && (until.value === undefined || plain(value) === until.value);
}

/** What a controller said of an older spec does not count. */
function conditionHolds({ type, status }: { type: string; status: string }, object?: Waited) {
  const found = object?.status?.conditions?.find((each) => same(each.type, type));
  const isCurrent = (found?.observedGeneration ?? Infinity) >= (object?.metadata.generation ?? 0);
  return found !== undefined && isCurrent && same(found.status, status);
}

/** A port tells of itself once it was on a host. */
const isUnattached = ({ kind, status }: Waited): boolean =>
  kind === portKind.kind && !status?.bindings?.length;

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

function lacking(until: Until, object: Waited | undefined): string {
  if (until === "delete") {
    const { deletionTimestamp, finalizers = [] } = object?.metadata ?? {};
    if (deletionTimestamp === undefined) return "it is there, and nobody has deleted it";
    return `its end waits for ${finalizers.join(", ") || "its owner"}`;
  }
  if (object === undefined) return "there is none yet";
  if (until === "create") return "";
  if (!("condition" in until)) {
    const [value] = valuesAt(until.jsonpath, object);
    return value === undefined ? "the field is not set" : `the field is ${plain(value)}`;
  }
  const { type } = until.condition;
  const found = object.status?.conditions?.find((each) => same(each.type, type));
  if (!found && isUnattached(object)) return "nobody has attached it yet";
  if (!found) return `nobody has told of condition ${type} yet`;
  return `${found.type} is ${found.status}${found.message ? `, "${found.message}"` : ""}`;
}
