/**
 * How a list or watch says from which version it is wanted.
 * Source: Kubernetes' validation of ListOptions (apimachinery, meta/internalversion).
 */
import type { Fault } from "../../api/object.ts";
import { invalid } from "../../api/status-error.ts";
import { numberOf } from "./query.ts";

interface Options {
  readonly match: string;
  readonly version: string;
  readonly isContinued: boolean;
  /** Undefined: not said. */
  readonly initial: boolean | undefined;
}

interface Rule {
  readonly isBroken: (options: Options) => boolean;
  readonly fault: Fault;
}

const match = "resourceVersionMatch";

const rule = (isBroken: Rule["isBroken"], message: string, more: Partial<Fault> = {}): Rule => ({
  isBroken,
  fault: { path: match, reason: "FieldValueForbidden", message, ...more },
});

const unsupported = { reason: "FieldValueNotSupported" } as const;

const continued = rule(
  (each) => each.match !== "" && each.isContinued,
  `${match} is forbidden when continue is provided`,
);

const ofLists: readonly Rule[] = [
  rule(
    (each) => each.match !== "" && each.version === "",
    `${match} is forbidden unless resourceVersion is provided`,
  ),
  continued,
  rule(
    (each) => !["", "Exact", "NotOlderThan"].includes(each.match),
    'supported values: "Exact", "NotOlderThan", ""',
    unsupported,
  ),
  rule(
    (each) => each.match === "Exact" && each.version === "0",
    `${match} "exact" is forbidden for resourceVersion "0"`,
  ),
  rule((each) => each.initial !== undefined, "sendInitialEvents is forbidden for list", {
    path: "sendInitialEvents",
  }),
];

const ofWatches: readonly Rule[] = [
  rule(
    (each) => each.initial !== undefined && each.match !== "NotOlderThan",
    `sendInitialEvents requires setting ${match} to NotOlderThan`,
  ),
  rule(
    (each) => each.match !== "" && each.initial === undefined,
    `${match} is forbidden for watch unless sendInitialEvents is provided`,
  ),
  rule(
    (each) => !["", "NotOlderThan"].includes(each.match),
    'supported values: "NotOlderThan"',
    unsupported,
  ),
  continued,
];

const kind = { kind: "ListOptions", group: "meta.k8s.io" };

function optionsOf(query: URLSearchParams): Options {
  const initial = query.get("sendInitialEvents");
  return {
    match: query.get(match) ?? "",
    version: query.get("resourceVersion") ?? "",
    isContinued: Boolean(query.get("continue")),
    initial: initial ? ["true", "1"].includes(initial) : undefined,
  };
}

function refuse(rules: readonly Rule[], options: Options): void {
  const faults = rules.filter(({ isBroken }) => isBroken(options)).map(({ fault }) => fault);
  if (faults.length > 0) throw invalid(kind, "", faults, { [match]: options.match });
}

/** Throws ApiError (Invalid). */
export const checkListOptions = (query: URLSearchParams): void => refuse(ofLists, optionsOf(query));

export interface WatchStart {
  /** First all that there is, as of this version or a later one. */
  readonly atLeast?: number;
  /** What comes after this; of neither: after what there is now. */
  readonly after?: number;
}

/** Throws ApiError (Invalid, BadRequest). */
export function watchStartOf(query: URLSearchParams): WatchStart {
  const options = optionsOf(query);
  refuse(ofWatches, options);
  const version = numberOf(query, "resourceVersion") ?? 0;
  if (options.initial ?? version === 0) return { atLeast: version };
  return version === 0 ? {} : { after: version };
}
