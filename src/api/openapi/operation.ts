/** What an operation is in a document of OpenAPI v3, and the parts that operations share. */
import { componentNames, reference } from "./schemas.ts";

/** Schema by media type. */
export type Content = Readonly<Record<string, { readonly schema: object }>>;

export interface Operation {
  readonly operationId: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parameters: readonly object[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content: Content }>
  >;
  readonly "x-kubernetes-action"?: string;
  readonly "x-kubernetes-group-version-kind"?: object;
}

/** Methods in lower case, and the parameters of the path itself. */
export type PathItem = { readonly [method: string]: Operation | readonly object[] };

export type Paths = Readonly<Record<string, PathItem>>;
export type Schemas = Readonly<Record<string, object>>;

export const query = (
  name: string,
  type: "string" | "integer" | "boolean",
  description: string,
) => ({ name, in: "query", description, schema: { type, uniqueItems: true } });

export const inPath = (name: string, description: string) => ({
  name,
  in: "path",
  description,
  required: true,
  schema: { type: "string", uniqueItems: true },
});

export const jsonOf = (schema: object): Content => ({ "application/json": { schema } });

/** What changes of objects of several kinds, or of one. */
export const events: Content = {
  "application/json;stream=watch": { schema: reference(componentNames.watchEvent) },
};

const described: Readonly<Record<string, string>> = { 200: "OK", 201: "Created" };

/** Of these codes with this content; all others are a Status. */
export const answers = (content: Content, codes: readonly string[] = ["200"]) => ({
  ...Object.fromEntries(codes.map((code) => [code, { description: described[code]!, content }])),
  default: { description: "Failure", content: jsonOf(reference(componentNames.status)) },
});
