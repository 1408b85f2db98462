/**
 * Failures as Kubernetes' `Status` objects, worded as its API server words them.
 * Source: Kubernetes API conventions, "Response Status Kind".
 */
import { quoted } from "../model/parse.ts";
import { atPath } from "./json.ts";
import { type Kind, resourceName } from "./kind.ts";
import type { Fault } from "./object.ts";

export interface StatusCause {
  readonly reason?: string;
  readonly message: string;
  /** Path of the field. */
  readonly field?: string;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  /** One word, for programs. */
  readonly reason?: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
    readonly retryAfterSeconds?: number;
  };
  /** Of HTTP. */
  readonly code: number;
}

/** Reason → code of HTTP. */
export const statusCodes = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Gone: 410,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
} as const;

export type Reason = keyof typeof statusCodes;

/** What the API answered, or shall answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? `HTTP status ${status.code}`, options);
    this.status = status;
  }

  get reason(): string {
    return this.status.reason ?? "";
  }

  get code(): number {
    return this.status.code;
  }
}

/** There is no such object. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 404;

/** Undefined where the object is not there; throws any other error. */
export function ifAbsent(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** The kind, and the name where one object is meant. */
type Named = Pick<Kind, "plural" | "group">;

/** A failure of any reason. */
export function failure(reason: Reason, message: string, details?: Status["details"]): ApiError {
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details && { details }),
    code: statusCodes[reason],
  });
}

const resource = (kind: Named, name: string) => ({
  ...(name !== "" && { name }),
  ...(kind.group !== "" && { group: kind.group }),
  kind: kind.plural,
});

const quotedName = (kind: Named, name: string) =>
  name === "" ? resourceName(kind) : `${resourceName(kind)} ${JSON.stringify(name)}`;

export const badRequest = (message: string) => failure("BadRequest", message);
export const unauthorized = () => failure("Unauthorized", "Unauthorized");

export const notFound = (kind: Named, name: string) =>
  failure("NotFound", `${quotedName(kind, name)} not found`, resource(kind, name));

/** No such path. */
export const noSuchResource = () =>
  failure("NotFound", "the server could not find the requested resource", {});

export const alreadyExists = (kind: Named, name: string) =>
  failure("AlreadyExists", `${quotedName(kind, name)} already exists`, resource(kind, name));

const modified =
  "the object has been modified; please apply your changes to the latest version and try again";

export const conflict = (kind: Named, name: string, why: string = modified) =>
  failure(
    "Conflict",
    `Operation cannot be fulfilled on ${quotedName(kind, name)}: ${why}`,
    resource(kind, name),
  );

/** Without a name, all objects of the kind are meant. */
export const forbidden = (kind: Named, name: string, why: string) =>
  failure("Forbidden", `${quotedName(kind, name)} is forbidden: ${why}`, resource(kind, name));

export const methodNotAllowed = () =>
  failure("MethodNotAllowed", "the server does not allow this method on the requested resource");

export const notAcceptable = (types: readonly string[]) =>
  failure("NotAcceptable", `only the following media types are accepted: ${types.join(", ")}`);

export const unsupportedMediaType = (types: readonly string[]) =>
  failure(
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${types.join(", ")}`,
  );

export const entityTooLarge = (limitBytes: number) =>
  failure("RequestEntityTooLarge", `Request entity too large: limit is ${limitBytes}`);

/** The history that was asked for is forgotten. Clients list again. */
export const expired = (message: string) => failure("Expired", message);

export const tooManyRequests = (retryAfterSeconds: number) =>
  failure("TooManyRequests", "Too many requests, please try again later.", { retryAfterSeconds });

export const internalError = (message: string) =>
  failure("InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });

export const serviceUnavailable = (message: string) => failure("ServiceUnavailable", message);
export const timeout = (message: string) => failure("Timeout", `Timeout: ${message}`);

/** How a reason begins, and whether the value at fault follows. */
const words: Readonly<Record<Fault["reason"], readonly [begin: string, withValue: boolean]>> = {
  FieldValueRequired: ["Required value", false],
  FieldValueInvalid: ["Invalid value", true],
  FieldValueNotSupported: ["Unsupported value", true],
  FieldValueDuplicate: ["Duplicate value", true],
  FieldValueForbidden: ["Forbidden", false],
  FieldValueTooLong: ["Too long", false],
  FieldValueTooMany: ["Too many", false],
  FieldValueTypeInvalid: ["Invalid value", true],
  FieldValueNotFound: ["Not found", true],
};

/** `Invalid value: "x": must be …`, without the path. */
export function faultText({ path, reason, message }: Fault, object: unknown): string {
  const [begin, withValue] = words[reason];
  const value = withValue ? atPath(object, path) : undefined;
  return [begin, value === undefined ? "" : quoted(value), message]
    .filter((part) => part !== "")
    .join(": ");
}

/** What is wrong with an object, all at once. The values at fault are quoted from `object`. */
export function invalid(
  kind: Pick<Kind, "kind" | "group">,
  name: string,
  faults: readonly Fault[],
  object: unknown,
): ApiError {
  const causes = faults.map((fault) => ({
    reason: fault.reason,
    message: faultText(fault, object),
    field: fault.path,
  }));
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const whole = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  return failure("Invalid", `${qualified} ${JSON.stringify(name)} is invalid: ${whole}`, {
    ...(name !== "" && { name }),
    ...(kind.group !== "" && { group: kind.group }),
    kind: kind.kind,
    causes,
  });
}

/** `fieldValidation=Strict`: the object has fields that its kind doesn't. */
export function strictDecodingError(
  { kind, version }: Pick<Kind, "kind" | "version">,
  unknownFields: readonly string[],
): ApiError {
  const texts = unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`).join(", ");
  return badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${texts}`,
  );
}

/** The Status that a DELETE of an object ends with, once the object is gone. */
export function deleted(kind: Named, name: string, uid: string): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { ...resource(kind, name), uid },
    code: 200,
  };
}
