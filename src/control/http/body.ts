/** Bodies of requests: limited in size, of a type that is understood, parsed. */
import { isObject, maxDepth, tooDeep } from "../../api/json.ts";
import {
  badRequest,
  entityTooLarge,
  timeout,
  unsupportedMediaType,
} from "../../api/status-error.ts";
import { nestsDeeper } from "../../model/nesting.ts";
import { protobufType, readProtobuf } from "./protobuf.ts";

/** As much as the store takes in a commit. */
export const maxBodyBytes = 1 << 20;

export const jsonTypes = ["application/json", "application/yaml"] as const;

/** kubectl sends built-in kinds as protobuf only. */
export const createTypes = [...jsonTypes, protobufType];

export interface Body {
  /** Without parameters: `application/json`. */
  readonly type: string;
  readonly value: unknown;
}

/** A body must be here after so long. */
const patienceMs = 30_000;
const tooSlow = `the body of the request was not there after ${patienceMs / 1000} s`;

/** The type of a body, without its parameters; JSON unless said. */
export const bodyType = (request: Request): string =>
  (request.headers.get("content-type") ?? "application/json").split(";")[0]!.trim().toLowerCase();

/** Throws ApiError (UnsupportedMediaType, RequestEntityTooLarge, BadRequest). */
export async function readBody(request: Request, types: readonly string[]): Promise<Body> {
  const type = bodyType(request);
  if (!types.includes(type)) throw unsupportedMediaType(types);
  const bytes = await readBytes(request);
  const value = type === protobufType ? readProtobuf(bytes, jsonTypes) : parse(type, bytes);
  if (tooDeep(value)) throw nested();
  return { type, value };
}

/** The options of a DELETE, which may have no body. */
export async function readOptions(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBytes(request);
  if (bytes.length === 0) return {};
  if (!(jsonTypes as readonly string[]).includes(bodyType(request))) {
    throw unsupportedMediaType(jsonTypes);
  }
  const value = parse(bodyType(request), bytes);
  if (!isObject(value)) throw badRequest("the body of the request is no object");
  return value;
}

function parse(type: string, bytes: Uint8Array): unknown {
  const text = decode(bytes);
  return type.endsWith("yaml") ? parseYaml(text) : parseJson(text);
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBodyBytes) {
    throw entityTooLarge(maxBodyBytes);
  }
  if (!request.body) return new Uint8Array();
  const reader = request.body.getReader();
  const timer = setTimeout(() => void reader.cancel(tooSlow), patienceMs);
  try {
    const chunks: Uint8Array[] = [];
    const began = performance.now();
    for (let bytes = 0; ; ) {
      const { value, done } = await reader.read();
      if (performance.now() - began >= patienceMs) throw timeout(tooSlow);
      if (done) return Buffer.concat(chunks);
      bytes += value.length;
      if (bytes > maxBodyBytes) throw entityTooLarge(maxBodyBytes);
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

const nested = () => badRequest(`the body nests deeper than ${maxDepth} levels`);

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw badRequest("the body of the request is no UTF-8");
  }
}

function parseJson(text: string): unknown {
  if (nestsDeeper(text, maxDepth)) throw nested();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`the body of the request is no JSON: ${(error as Error).message}`);
  }
}

/** Aliases make a small text a huge value, or one without end. Throws RangeError. */
function refuseSwollen(value: unknown): void {
  const left: unknown[] = [value];
  for (let size = 0; left.length > 0; ) {
    const each = left.pop();
    size += typeof each === "string" ? each.length : 1;
    if (size > maxBodyBytes) throw new RangeError("its aliases make it too large");
    if (typeof each !== "object" || each === null) continue;
    if (Array.isArray(each)) for (const item of each) left.push(item);
    else for (const [name, inner] of Object.entries(each)) left.push(name, inner);
  }
}

function parseYaml(text: string): unknown {
  try {
    // By way of JSON: what only YAML can say (dates, infinities) is none of ours.
    const value = Bun.YAML.parse(text);
    refuseSwollen(value);
    return JSON.parse(JSON.stringify(value));
  } catch (error) {
    throw badRequest(`the body of the request is no YAML: ${(error as Error).message}`);
  }
}
