/** JSON Patch: operations one after the other, all or none. Source: RFC 6902, RFC 6901. */
import { equalJson, isObject, own } from "./json.ts";
import { badRequest, failure } from "./status-error.ts";

type Verb = "add" | "remove" | "replace" | "move" | "copy" | "test";

export interface PatchOperation {
  readonly op: Verb;
  readonly path: readonly string[];
  /** move, copy: where from. */
  readonly from?: readonly string[];
  readonly value?: unknown;
}

const verbs: readonly string[] = ["add", "remove", "replace", "move", "copy", "test"];
const mostOperations = 10_000;

/** Reads a patch. Throws ApiError (BadRequest). */
export function readJsonPatch(patch: unknown): PatchOperation[] {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch is a list of operations");
  if (patch.length > mostOperations) {
    throw badRequest(`a JSON patch has at most ${mostOperations} operations`);
  }
  return patch.map((each, i) => {
    const op = own(each, "op");
    if (!verbs.includes(String(op))) throw badRequest(`operation ${i} has no known "op"`);
    const needsFrom = op === "move" || op === "copy";
    const needsValue = op === "add" || op === "replace" || op === "test";
    if (needsValue && !Object.hasOwn(each, "value")) {
      throw badRequest(`operation ${i} ("${op}") has no "value"`);
    }
    return {
      op: op as Verb,
      path: readPointer(own(each, "path"), i),
      ...(needsFrom && { from: readPointer(own(each, "from"), i) }),
      ...(needsValue && { value: own(each, "value") }),
    };
  });
}

function readPointer(pointer: unknown, i: number): string[] {
  if (typeof pointer !== "string" || (pointer !== "" && !pointer.startsWith("/"))) {
    throw badRequest(`operation ${i} has a path that is no JSON pointer: write /spec/mtu`);
  }
  const parts = pointer.split("/").slice(1);
  return parts.map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The value with all operations done. Throws ApiError (Invalid) where one can't be done. */
export function applyJsonPatch(value: unknown, operations: readonly PatchOperation[]): unknown {
  return operations.reduce((done, { op, path, from, value: given }) => {
    if (op === "test") {
      if (equalJson(at(done, path), given)) return done;
      throw cannot(op, path, "the value is another");
    }
    if (op === "copy") return put(done, path, { op: "add", value: at(done, from!) });
    if (op === "move") {
      const moved = at(done, from!);
      return put(put(done, from!, { op: "remove" }), path, { op: "add", value: moved });
    }
    return put(done, path, { op, value: given });
  }, value);
}

const cannot = (op: string, path: readonly string[], why: string) =>
  failure("Invalid", `the server rejected our request: cannot ${op} "/${path.join("/")}": ${why}`);

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce((inner, part) => {
    const next = Array.isArray(inner) ? inner[indexOf(part, inner.length - 1)] : own(inner, part);
    if (next === undefined) throw cannot("read", path, "there is no such value");
    return next;
  }, value);
}

interface Put {
  readonly op: "add" | "remove" | "replace";
  readonly value?: unknown;
}

/** A copy in which the member at the path is another. */
function put(value: unknown, path: readonly string[], change: Put): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return change.value;
  if (Array.isArray(value)) return putItem(value, path, change);
  if (!isObject(value)) throw cannot(change.op, path, "there is no such object");
  const isThere = Object.hasOwn(value, part);
  if (!isThere && (rest.length > 0 || change.op !== "add")) {
    throw cannot(change.op, path, "there is no such value");
  }
  const entries = Object.entries(value).filter(([name]) => name !== part);
  if (rest.length === 0 && change.op === "remove") return Object.fromEntries(entries);
  return Object.fromEntries([...entries, [part, put(value[part], rest, change)]]);
}

function putItem(list: readonly unknown[], path: readonly string[], change: Put): unknown {
  const [part, ...rest] = path as [string, ...string[]];
  const isNew = rest.length === 0 && change.op === "add";
  const index = part === "-" && isNew ? list.length : indexOf(part, list.length - (isNew ? 0 : 1));
  if (index < 0) throw cannot(change.op, path, "there is no such item");
  if (isNew) return list.toSpliced(index, 0, change.value);
  if (rest.length === 0 && change.op === "remove") return list.toSpliced(index, 1);
  return list.with(index, put(list[index], rest, change));
}

/** -1: no index up to the last one. */
function indexOf(part: string, last: number): number {
  return /^(0|[1-9]\d*)$/.test(part) && Number(part) <= last ? Number(part) : -1;
}
