/** Prints what a JSONPath template picks of an object, as `kubectl -o jsonpath` does. */
import { type Operand, type Part, type Path, parseTemplate, type Test } from "./jsonpath-syntax.ts";

/** The template's text for this value; what is not there prints nothing. Throws UsageError. */
export function jsonpath(template: string, value: unknown): string {
  return print(parseTemplate(template), value, value);
}

/** The values that a path leads to: `{.status.phase}`. Throws UsageError. */
export function valuesAt(template: string, value: unknown): unknown[] {
  return parseTemplate(template).flatMap((part) =>
    "path" in part ? follow(part.path, value, value) : [],
  );
}

/** A value as people read it: text as it is, anything else as JSON. */
export function plain(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function print(parts: readonly Part[], value: unknown, root: unknown): string {
  return parts
    .map((part) => {
      if ("text" in part) return part.text;
      if ("path" in part) return follow(part.path, value, root).map(plain).join(" ");
      const each = follow(part.range, value, root);
      return each.map((item) => print(part.body, item, root)).join("");
    })
    .join("");
}

/** All that the steps lead to, in order. */
function follow(path: Path, value: unknown, root: unknown): unknown[] {
  let values = [value];
  for (const step of path) {
    switch (step.to) {
      case "root":
        values = [root];
        break;
      case "field":
        values = values.flatMap((each) => step.names.flatMap((name) => field(each, name)));
        break;
      case "all":
        values = values.flatMap(children);
        break;
      case "deep":
        values = values.flatMap(descendants);
        break;
      case "index":
        values = values.flatMap((each) =>
          Array.isArray(each) ? step.places.flatMap((place) => within(each.at(place))) : [],
        );
        break;
      case "slice":
        values = values.flatMap((each) =>
          Array.isArray(each)
            ? each.slice(step.from, step.end).filter((_, at) => at % step.by === 0)
            : [],
        );
        break;
      case "filter":
        values = values.flatMap(children).filter((each) => holds(step, each, root));
    }
  }
  return values;
}

const within = (value: unknown): unknown[] => (value === undefined ? [] : [value]);

function field(value: unknown, name: string): unknown[] {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return [];
  return within((value as Record<string, unknown>)[name]);
}

function children(value: unknown): unknown[] {
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

function descendants(value: unknown): unknown[] {
  return [value, ...children(value).flatMap(descendants)];
}

interface Filter {
  readonly left: Operand;
  readonly test?: Test;
  readonly right?: Operand;
}

function holds({ left, test, right }: Filter, value: unknown, root: unknown): boolean {
  const of = (operand: Operand) =>
    "value" in operand ? [operand.value] : follow(operand.path, value, root);
  const found = of(left);
  if (!test || !right) return found.length > 0;
  const [a] = found;
  const [b] = of(right);
  if (a === undefined || b === undefined) return false;
  return compare[test](a as never, b as never);
}

const compare: Readonly<Record<Test, (a: never, b: never) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};
