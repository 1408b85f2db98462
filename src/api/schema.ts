/**
 * What objects look like, as data: validation, defaults, OpenAPI, `explain`, server-side apply and
 * the types of TypeScript all come from the same tables.
 */
import type { Fault } from "./object.ts";

/** Text of a certain form. Checked by `formats.ts`, told to others as OpenAPI's `format`. */
export type Format =
  /** An IPv4 or IPv6 address: `10.1.0.5`. */
  | "ip"
  /** A network without bits beyond its prefix: `10.1.0.0/24`. */
  | "cidr"
  /** A unicast hardware address: `02:00:5e:00:53:01`. */
  | "mac"
  /** At most 63 of a-z, 0-9 and hyphens, which neither begin nor end it (RFC 1123). */
  | "name"
  /** A name, or `namespace/name`. */
  | "reference"
  /** A link's name: at most 15 bytes, no slash, colon or white space. */
  | "link"
  /** RFC 3339, in UTC. */
  | "date-time";

/** No list may have more items. */
export const maxItems = 1000;

interface About {
  readonly description: string;
  /** May not change once the object is made. */
  readonly immutable?: true;
}

export interface TextSchema extends About {
  readonly type: "string";
  readonly format?: Format;
  readonly enum?: readonly string[];
  /** A regular expression that the whole text matches. */
  readonly pattern?: string;
  /** In characters; 253 unless set. */
  readonly maxLength?: number;
  readonly default?: string;
}

export interface IntegerSchema extends About {
  readonly type: "integer";
  readonly minimum: number;
  readonly maximum: number;
  readonly default?: number;
}

export interface FlagSchema extends About {
  readonly type: "boolean";
  readonly default?: boolean;
}

export interface ListSchema extends About {
  readonly type: "list";
  readonly item: Schema;
  /** Fields that tell items apart. */
  readonly keys?: readonly string[];
}

export interface MapSchema extends About {
  readonly type: "map";
  readonly value: Schema;
}

export interface ObjectSchema extends About {
  readonly type: "object";
  readonly fields: Fields;
  /** What the fields alone can't say. Called once each of them is right. */
  readonly check?: (value: unknown, path: string) => Fault[];
}

/** Anything at all: what only its owner understands. */
export interface AnySchema extends About {
  readonly type: "any";
}

export type Schema =
  | TextSchema
  | IntegerSchema
  | FlagSchema
  | ListSchema
  | MapSchema
  | ObjectSchema
  | AnySchema;

/** Fields by name. `required: true` beside a schema: it may not be absent. */
export type Fields = { readonly [name: string]: Schema & { readonly required?: true } };

/** Beside the description: all else that a schema of this kind may say. */
type Rest<S extends Schema> = Omit<S, "type" | "description" | "fields"> & {
  readonly required?: true;
};

type Nothing = Record<never, never>;

export const text = <const R extends Rest<TextSchema> = Nothing>(description: string, rest?: R) =>
  ({ type: "string", description, ...rest }) as { type: "string"; description: string } & R;

export const integer = <const R extends Rest<IntegerSchema>>(description: string, rest: R) =>
  ({ type: "integer", description, ...rest }) as { type: "integer"; description: string } & R;

export const flag = <const R extends Rest<FlagSchema> = Nothing>(description: string, rest?: R) =>
  ({ type: "boolean", description, ...rest }) as { type: "boolean"; description: string } & R;

/** Of texts: a set. Of objects: replaced whole. */
export const list = <I>(description: string, item: I) =>
  ({ type: "list", description, item }) as const;

/** A list of objects that these fields tell apart: people may each own some of its items. */
export const keyedList = <I>(description: string, keys: readonly string[], item: I) =>
  ({ type: "list", description, keys, item }) as const;

export const map = <V>(description: string, value: V) =>
  ({ type: "map", description, value }) as const;

export const object = <F, const R extends Rest<ObjectSchema> = Nothing>(
  description: string,
  fields: F,
  rest?: R,
) =>
  ({ type: "object", description, fields, ...rest }) as {
    type: "object";
    description: string;
    fields: F;
  } & R;

export const any = (description: string): AnySchema => ({ type: "any", description });

/** Names of fields that are there once defaults are filled in. */
type Present<F extends Fields> = {
  [K in keyof F]: F[K] extends { required: true } | { default: string | number | boolean }
    ? K
    : never;
}[keyof F];

/** The value that a schema describes, defaults filled in. */
export type Value<S> = S extends { type: "string"; enum: readonly (infer E)[] }
  ? E
  : S extends { type: "string" }
    ? string
    : S extends { type: "integer" }
      ? number
      : S extends { type: "boolean" }
        ? boolean
        : S extends { type: "list"; item: infer I }
          ? readonly Value<I>[]
          : S extends { type: "map"; value: infer V }
            ? Readonly<Record<string, Value<V>>>
            : S extends { type: "object"; fields: infer F extends Fields }
              ? { readonly [K in Present<F>]: Value<F[K]> } & {
                  readonly [K in Exclude<keyof F, Present<F>>]?: Value<F[K]>;
                }
              : unknown;
