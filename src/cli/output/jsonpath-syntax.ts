/** Reads templates of JSONPath as `kubectl -o jsonpath` has them. */
import { UsageError } from "../options.ts";

/** One move from values to others. */
export type Step =
  | { readonly to: "field"; readonly names: readonly string[] }
  | { readonly to: "index"; readonly places: readonly number[] }
  | { readonly to: "slice"; readonly from?: number; readonly end?: number; readonly by: number }
  | { readonly to: "all" }
  | { readonly to: "deep" }
  | {
      readonly to: "filter";
      readonly left: Operand;
      readonly test?: Test;
      readonly right?: Operand;
    }
  | { readonly to: "root" };

export type Test = "==" | "!=" | "<" | "<=" | ">" | ">=";
export type Operand = { readonly value: string | number | boolean | null } | { path: Path };
export type Path = readonly Step[];

/** A part of a template. */
export type Part =
  | { readonly text: string }
  | { readonly path: Path }
  | { readonly range: Path; readonly body: readonly Part[] };

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

/** Reads a template. Without braces all of it is one path. Throws UsageError. */
export function parseTemplate(template: string): Part[] {
  const text = template.includes("{")
    ? template
    : `{${/^[.[$@]/.test(template) ? "" : "."}${template}}`;
  const root: Part[] = [];
  const open: { readonly range: Path; readonly body: Part[] }[] = [];
  // Text up to a brace, or what is between braces: quotes may hold braces.
  const pieces = /([^{]+)|\{((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^}"'])*)\}|([\s\S])/gy;
  for (const [, outside, inside, stray] of text.matchAll(pieces)) {
    const parts = open.at(-1)?.body ?? root;
    if (stray !== undefined) throw fault(template, 'has a "{" without its "}"');
    if (outside !== undefined) parts.push({ text: outside });
    else if (/^\s*end\s*$/.test(inside!)) {
      if (!open.pop()) throw fault(template, "has {end} without {range …}");
    } else if (/^\s*range\s/.test(inside!)) {
      const range = new PathReader(inside!.replace(/^\s*range\s+/, ""), template).whole();
      const body: Part[] = [];
      parts.push({ range, body });
      open.push({ range, body });
    } else parts.push(...insideParts(inside!, template));
  }
  if (open.length > 0) throw fault(template, "has {range …} without {end}");
  return root;
}

/** Quoted texts and paths, one after the other. */
function insideParts(inside: string, template: string): Part[] {
  const parts: Part[] = [];
  const reader = new PathReader(inside, template);
  while (!reader.atEnd()) {
    const quoted = reader.quoted();
    parts.push(quoted === undefined ? { path: reader.path() } : { text: quoted });
  }
  return parts;
}

const fault = (template: string, why: string) => new UsageError(`JSONPath "${template}" ${why}`);

/** Reads from the left. */
class PathReader {
  private readonly text: string;
  private readonly template: string;
  private at = 0;

  constructor(text: string, template: string) {
    this.text = text.trim();
    this.template = template;
  }

  atEnd(): boolean {
    this.take(/\s*/y);
    return this.at >= this.text.length;
  }

  whole(): Path {
    const path = this.path();
    if (!this.atEnd()) throw this.stuck();
    return path;
  }

  quoted(): string | undefined {
    const found = this.take(/\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)')/y);
    const raw = found?.[1] ?? found?.[2];
    return raw?.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
  }

  path(): Path {
    const steps: Step[] = [];
    const start = this.at;
    if (this.take(/\s*\$/y)) steps.push({ to: "root" });
    else this.take(/\s*@/y);
    for (;;) {
      if (this.take(/\.\./y)) {
        steps.push({ to: "deep" });
        const name = this.name();
        if (name !== undefined) steps.push(name);
      } else if (this.take(/\.(?=\[)/y)) steps.push(this.brackets());
      else if (this.take(/\./y)) {
        const name = this.name();
        // A lone dot is the value itself.
        if (name !== undefined) steps.push(name);
      } else if (this.text[this.at] === "[") steps.push(this.brackets());
      else break;
    }
    if (this.at === start) throw this.stuck();
    return steps;
  }

  private name(): Step | undefined {
    if (this.take(/\*/y)) return { to: "all" };
    const raw = this.take(/(?:\\.|[^\s.[\](){}'"=!<>,])+/y)?.[0];
    return raw === undefined ? undefined : { to: "field", names: [raw.replace(/\\(.)/g, "$1")] };
  }

  private brackets(): Step {
    this.take(/\[\s*/y);
    if (this.take(/\*\s*\]/y)) return { to: "all" };
    if (this.take(/\?\(/y)) return this.filter();
    const slice = this.take(/(-?\d+)?\s*:\s*(-?\d+)?(?:\s*:\s*(\d+))?\s*\]/y);
    if (slice) {
      const [from, end, by] = slice.slice(1).map((word) => (word ? Number(word) : undefined));
      return { to: "slice", from, end, by: by || 1 };
    }
    const places = this.take(/(-?\d+(?:\s*,\s*-?\d+)*)\s*\]/y);
    if (places) return { to: "index", places: places[1]!.split(",").map(Number) };
    const names: string[] = [];
    do {
      const name = this.quoted() ?? this.take(/[\w-]+/y)?.[0];
      if (name === undefined) throw this.stuck();
      names.push(name);
    } while (this.take(/\s*,/y));
    if (!this.take(/\s*\]/y)) throw this.stuck();
    return { to: "field", names };
  }

  private filter(): Step {
    const left = this.operand();
    const test = this.take(/\s*(==|!=|<=|>=|<|>)\s*/y)?.[1] as Test | undefined;
    const right = test && this.operand();
    if (!this.take(/\s*\)\s*\]/y)) throw this.stuck();
    return { to: "filter", left, test, right };
  }

  private operand(): Operand {
    const quoted = this.quoted();
    if (quoted !== undefined) return { value: quoted };
    const word = this.take(/\s*(-?\d+(?:\.\d+)?|true|false|null)(?![\w.])/y)?.[1];
    if (word !== undefined) return { value: JSON.parse(word) };
    return { path: this.path() };
  }

  private take(form: RegExp): RegExpExecArray | undefined {
    form.lastIndex = this.at;
    const found = form.exec(this.text);
    if (!found) return undefined;
    this.at = form.lastIndex;
    return found;
  }

  private stuck(): UsageError {
    const rest = this.text.slice(this.at);
    const where = rest === "" ? "ends too early" : `can't be read from "${rest}" on`;
    return fault(this.template, where);
  }
}
