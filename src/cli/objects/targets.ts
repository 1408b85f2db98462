/** Reads which objects a command means: `networks`, `network blue`, `network/blue port/web`. */

import type { Kind } from "../../api/kind.ts";
import { kindNamed, kinds } from "../../api/kinds/index.ts";
import { UsageError } from "../options.ts";
import { nearest } from "../suggest.ts";

/** A kind, or one object of it. */
export interface Target {
  readonly kind: Kind<any, any>;
  readonly name?: string;
}

/** What `all` stands for: what people make networks of. */
const everyday = ["networks", "subnets", "ports"];

/** The kind that a word means. Throws UsageError with the nearest one. */
export function kindMeant(word: string): Kind<any, any> {
  const kind = kindNamed(word);
  if (kind) return kind;
  const names = kinds.flatMap(({ singular, plural }) => [singular, plural]);
  const meant = nearest(word, names);
  const remedy =
    meant !== undefined
      ? `do you mean "${meant}"?`
      : `there are ${kinds.map(({ plural }) => plural).join(", ")}`;
  throw new UsageError(`"${word}" is no kind of objects: ${remedy}`);
}

/** Every object or kind meant, in the order given. Throws UsageError. */
export function targetsOf(words: readonly string[]): Target[] {
  if (words.some((word) => word.includes("/"))) return words.map(slashed);
  const [first, ...names] = words;
  if (first === undefined) return [];
  const named = first === "all" ? everyday : first.split(",").filter((word) => word !== "");
  const meant = [...new Set(named.map(kindMeant))];
  if (names.length === 0) return meant.map((kind) => ({ kind }));
  return meant.flatMap((kind) => names.map((name) => ({ kind, name: checked(name) })));
}

function slashed(word: string): Target {
  const [kind = "", name = "", ...rest] = word.split("/");
  if (kind === "" || name === "" || rest.length > 0) {
    throw new UsageError(
      `"${word}" names no object: write KIND NAME…, or KIND/NAME for each, as in network/blue`,
    );
  }
  return { kind: kindMeant(kind), name: checked(name) };
}

/** A name is a part of a path. */
function checked(name: string): string {
  if (/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) return name;
  throw new UsageError(`"${name}" is no name of an object: names have a-z, 0-9, "-" and "."`);
}
