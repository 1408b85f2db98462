/** A server's documents as one: which operation a request is, and whether it fits. */
import type { Client } from "../../src/api/client/client.ts";
import { faultsOf } from "./json-schema.ts";

type Json = Readonly<Record<string, any>>;

export interface DocumentedOperation {
  /** `get /apis/netloom.dev/v1alpha1/tenants/{name}`. */
  readonly line: string;
  readonly method: string;
  readonly path: string;
  /** Of objects and their kinds, not of the server itself. */
  readonly action: string | undefined;
  readonly parameters: readonly Json[];
  readonly request: Json;
  readonly responses: Json;
  readonly components: Json;
}

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly requestType: string | undefined;
  readonly requestBody: string | undefined;
  readonly status: number;
  readonly responseType: string;
  /** As much as was read of it. */
  responseBody: string;
}

/** Without parameters; patches and events differ by theirs. */
const essence = (type: string) => type.split(";")[0]!.trim();

export class ApiDocument {
  readonly operations: readonly DocumentedOperation[];

  private constructor(operations: readonly DocumentedOperation[]) {
    this.operations = operations;
  }

  /** All that the index names. */
  static async of(client: Client): Promise<ApiDocument> {
    const { paths } = (await client.json("/openapi/v3")) as Json;
    const urls = Object.values<Json>(paths).map(({ serverRelativeURL }) => serverRelativeURL);
    const documents = await Promise.all(urls.map((url) => client.json(url) as Promise<Json>));
    return new ApiDocument(documents.flatMap(operationsOf));
  }

  /** Of the paths that fit, the one with the fewest parts left open. */
  find(method: string, path: string): DocumentedOperation | undefined {
    return this.operations
      .filter((each) => each.method === method.toLowerCase() && matches(each.path, path))
      .sort((a, b) => opened(a.path) - opened(b.path))[0];
  }
}

const opened = (path: string) => path.split("{").length;

function operationsOf({ paths, components }: Json): DocumentedOperation[] {
  return Object.entries<Json>(paths).flatMap(([path, { parameters, ...methods }]) =>
    Object.entries<Json>(methods).map(([method, operation]) => ({
      line: `${method} ${path}`,
      method,
      path,
      action: operation["x-kubernetes-action"],
      parameters: [...parameters, ...operation.parameters],
      request: operation.requestBody?.content ?? {},
      responses: operation.responses,
      components: components.schemas,
    })),
  );
}

function matches(template: string, path: string): boolean {
  // A document's name has slashes.
  const parts = template.split(/\{\w+\}/).map(RegExp.escape);
  const any = template.includes("{document}") ? ".+" : "[^/]+";
  return new RegExp(`^${parts.join(any)}$`).test(path);
}

/** How an exchange differs from what the document says of its operation. */
export function differences(operation: DocumentedOperation, exchange: Exchange): string[] {
  return [
    ...queryFaults(operation, exchange),
    ...requestFaults(operation, exchange),
    ...responseFaults(operation, exchange),
  ].map((fault) => `${operation.line}: ${fault}`);
}

function queryFaults({ parameters }: DocumentedOperation, { query }: Exchange): string[] {
  return [...query].flatMap(([name, value]) => {
    const parameter = parameters.find((each) => each.in === "query" && each.name === name);
    if (!parameter) return [`parameter ${name} is not in the document`];
    const { type } = parameter.schema;
    const fits = type === "string" || (type === "integer" ? /^\d+$/ : /^(true|false)$/).test(value);
    return fits ? [] : [`parameter ${name} is no ${type}: ${value}`];
  });
}

function requestFaults(operation: DocumentedOperation, exchange: Exchange): string[] {
  const { requestBody, requestType = "", status } = exchange;
  if (requestBody === undefined) return [];
  const content = operation.request[requestType];
  if (!content) return [`a body of ${requestType} is not in the document`];
  // What was refused need not fit.
  if (status >= 400) return [];
  return faultsOf(JSON.parse(requestBody), content.schema, operation.components).map(
    (each) => `sent: ${each}`,
  );
}

/** The content that an answer is of: events where there was a watch. */
export function contentOf(operation: DocumentedOperation, exchange: Exchange): string | undefined {
  const { status, query, responseType } = exchange;
  const content = (operation.responses[status] ?? operation.responses.default).content as Json;
  const isWatch = status === 200 && query.get("watch") === "true";
  if (isWatch) return Object.keys(content).find((type) => type.endsWith(";stream=watch"));
  const exact = responseType in content ? responseType : undefined;
  return exact ?? Object.keys(content).find((type) => type === essence(responseType));
}

function responseFaults(operation: DocumentedOperation, exchange: Exchange): string[] {
  const { status, responseType, responseBody } = exchange;
  if (status < 400 && !operation.responses[status])
    return [`status ${status} is not in the document`];
  const type = contentOf(operation, exchange);
  if (type === undefined) return [`an answer of ${responseType} is not in the document`];
  const of = operation.responses[status] ?? operation.responses.default;
  const judge = (value: unknown) =>
    faultsOf(value, of.content[type].schema, operation.components).map(
      (each) => `answered: ${each}`,
    );
  if (essence(type) === "text/plain") return judge(responseBody);
  if (!type.endsWith(";stream=watch")) return judge(JSON.parse(responseBody));
  const events = responseBody.split("\n").filter((line) => line !== "");
  return events
    .map((line) => JSON.parse(line))
    .flatMap((event) => [...judge(event), ...eventFaults(operation, event)]);
}

/** The object of an event is of the kind that it says. */
function eventFaults({ components }: DocumentedOperation, { type, object }: Json): string[] {
  if (type === "BOOKMARK") return [];
  const group = object.apiVersion.includes("/") ? object.apiVersion.split("/")[0] : "";
  const schema = Object.values<Json>(components).find((each) =>
    each["x-kubernetes-group-version-kind"]?.some(
      (of: Json) => of.group === group && of.kind === object.kind,
    ),
  );
  if (!schema && group === "" && object.kind === "Namespace") return [];
  if (!schema) return [`an event of kind ${object.kind} is not in the document`];
  return faultsOf(object, schema, components).map((each) => `event: ${each}`);
}
