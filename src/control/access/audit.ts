/** The lines of the audit log: who did what to which object, a JSON line each. Pure. */
import { hostUser } from "../../api/credentials.ts";
import { isObject } from "../../api/json.ts";
import type { ApiObject } from "../../api/object.ts";
import type { Affected } from "../http/access.ts";
import type { Trail } from "../http/trail.ts";

/** One field that changed. */
export interface FieldChange {
  readonly path: string;
  /** Absent: it was not there. */
  readonly old?: unknown;
  /** Absent: it is not there any more. */
  readonly new?: unknown;
}

const reading = ["get", "list", "watch"];
const removing = ["delete", "deletecollection"];
/** What a read that is in order may come to: it is not there, or not any more. */
const ordinary = [404, 410];
const isRefusal = (code: number) => code >= 400 && code < 500 && !ordinary.includes(code);
/** Fields that say nothing which the line does not say, or nothing at all. */
const unsaid = ["metadata.managedFields", "metadata.resourceVersion"];
const secrets = ["status.hash", "status.secret"];
const redacted = "(secret)";

/** The lines that a request leaves; none where it only read, and was not refused. */
export function auditLines(trail: Trail, code: number, now: Date): object[] {
  const { asked, identity, caller, method, target, dryRun } = trail;
  const isReading = asked ? reading.includes(asked.verb) : ["GET", "HEAD"].includes(method);
  const isReview = !asked && target.startsWith("/apis/auth");
  if (!isRefusal(code) && (isReading || isReview)) return [];
  const base = {
    ts: now.toISOString(),
    user: identity?.user ?? null,
    ...(identity?.source && { source: identity.source }),
    ...(identity?.token && { token: identity.token.name }),
    ...(caller.address !== undefined && { address: caller.address }),
    ...(caller.uid !== undefined && { uid: caller.uid }),
    verb: asked?.verb ?? method,
  };
  if (!asked) return [{ ...base, path: target, code }];
  const { group, resource, subresource, namespace, name } = asked;
  const what = {
    group,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    ...(namespace !== undefined && { namespace }),
  };
  const tail = dryRun ? { dryRun: true } : {};
  const affected = [...trail.affected.values()];
  if (affected.length === 0 || isReading) {
    return [{ ...base, ...what, ...(name && { name }), code, ...tail }];
  }
  if (code < 400 && isHeartbeat(trail)) return [];
  return affected.map((each, i) => {
    const { metadata } = (each.next ?? each.old)!;
    // Of many, the last is the one that failed: those before it are gone.
    const its = code >= 400 && i < affected.length - 1 ? 200 : code;
    // What was looked at, and neither changed nor removed, stayed as it was.
    const isChange = its < 400 && (each.next !== undefined || removing.includes(asked.verb));
    const change = isChange ? { change: changesOf(each) } : {};
    const object = { name: metadata.name, objectUid: metadata.uid };
    return { ...base, ...what, ...object, code: its, ...tail, ...change };
  });
}

/** A host's own word that it is alive and as it was: every few seconds, and it tells nothing. */
function isHeartbeat({ asked, identity, affected }: Trail): boolean {
  const { verb, resource, subresource, name = "" } = asked!;
  if (verb !== "patch" || resource !== "hosts" || subresource !== "status") return false;
  const isItsOwn = identity?.user === hostUser(name) || identity?.source === "socket";
  const changes = [...affected.values()].flatMap(changesOf);
  return isItsOwn && changes.every(({ path }) => path === "status.heartbeat");
}

/** What is other than it was, by the paths of fields, secrets left out. */
export function changesOf({ old, next }: Affected): FieldChange[] {
  const changes: FieldChange[] = [];
  collect(changes, "", seen(old), seen(next));
  return changes;
}

const seen = (object: ApiObject | undefined): unknown =>
  object && JSON.parse(JSON.stringify(object));

function collect(changes: FieldChange[], path: string, old: unknown, next: unknown): void {
  if (unsaid.includes(path)) return;
  if (isBranch(old, next) && isBranch(next, old)) {
    collectMembers(changes, path, { old: old ?? {}, next: next ?? {} });
    return;
  }
  if (JSON.stringify(old) === JSON.stringify(next)) return;
  const shown = (value: unknown) => (secrets.includes(path) ? redacted : value);
  changes.push({
    path,
    ...(old !== undefined && { old: shown(old) }),
    ...(next !== undefined && { new: shown(next) }),
  });
}

type Members = Readonly<Record<string, unknown>>;

/** Told field by field: an object beside another, or beside nothing. */
const isBranch = (value: unknown, other: unknown): value is Members | undefined =>
  isObject(value) || (value === undefined && isObject(other) && Object.keys(other).length > 0);

interface Pair {
  readonly old: Members;
  readonly next: Members;
}

function collectMembers(changes: FieldChange[], path: string, { old, next }: Pair): void {
  const member = (value: Members, name: string) =>
    Object.hasOwn(value, name) ? value[name] : undefined;
  for (const name of new Set([...Object.keys(old), ...Object.keys(next)])) {
    const inner = /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
    const at = path === "" ? inner : `${path}.${inner}`;
    collect(changes, at, member(old, name), member(next, name));
  }
}
