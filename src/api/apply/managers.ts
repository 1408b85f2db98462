/** Who owns which fields: `metadata.managedFields` read, changed and written. */
import { isObject, own, tooDeep } from "../json.ts";
import type { ManagedFields } from "../object.ts";
import { badRequest } from "../status-error.ts";
import {
  difference,
  equalSets,
  type FieldSet,
  isEmpty,
  readFields,
  union,
  writeFields,
} from "./field-set.ts";

/** One manager's entry. Who applies and who updates are two, whatever they are called. */
export interface Owner {
  readonly manager: string;
  readonly operation: ManagedFields["operation"];
  readonly apiVersion: string;
  /** Absent: by the object itself. */
  readonly subresource?: string;
  readonly time?: string;
  readonly fields: FieldSet;
}

/** More managers that update are joined into one, the oldest first, as Kubernetes does. */
const maxUpdaters = 10;
const ancient = "ancient-changes";

/** Whether both are entries of one manager. */
export const isSameOwner = (a: Omit<Owner, "fields">, b: Omit<Owner, "fields">): boolean =>
  a.manager === b.manager &&
  a.operation === b.operation &&
  a.apiVersion === b.apiVersion &&
  (a.subresource ?? "") === (b.subresource ?? "");

/** Reads the entries of an object; those that own nothing are none. Throws BadRequest. */
export function readOwners(managedFields: unknown): Owner[] {
  if (!Array.isArray(managedFields)) return [];
  if (tooDeep(managedFields)) throw badRequest("metadata.managedFields nests too deep");
  return managedFields.filter(isObject).flatMap((entry) => {
    const manager = own(entry, "manager");
    const operation = own(entry, "operation");
    const apiVersion = own(entry, "apiVersion");
    const fields = readFields(own(entry, "fieldsV1"));
    const isKnown = operation === "Apply" || operation === "Update";
    if (!isKnown || typeof manager !== "string" || typeof apiVersion !== "string") return [];
    if (isEmpty(fields)) return [];
    const time = own(entry, "time");
    const subresource = own(entry, "subresource");
    return {
      manager,
      operation,
      apiVersion,
      ...(typeof time === "string" && { time }),
      ...(typeof subresource === "string" && subresource !== "" && { subresource }),
      fields,
    };
  });
}

/** As the object has them: oldest first. Owners of nothing are left out. */
export function writeOwners(owners: readonly Owner[]): ManagedFields[] {
  return capped(owners.filter(({ fields }) => !isEmpty(fields)))
    .sort((a, b) => compareText(orderOf(a), orderOf(b)))
    .map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
      manager,
      operation,
      apiVersion,
      ...(time !== undefined && { time }),
      fieldsType: "FieldsV1" as const,
      fieldsV1: writeFields(fields),
      ...(subresource !== undefined && { subresource }),
    }));
}

const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

const orderOf = ({ operation, time, manager, subresource }: Owner) =>
  [operation, time ?? "", manager, subresource ?? ""].join("\n");

function capped(owners: readonly Owner[]): Owner[] {
  const updaters = owners
    .filter(({ operation, manager }) => operation === "Update" && manager !== ancient)
    .sort((a, b) => compareText(a.time ?? "", b.time ?? ""));
  const old = updaters.slice(0, Math.max(0, updaters.length - maxUpdaters));
  return old.reduce<Owner[]>(
    (all, owner) => {
      const rest = all.filter((each) => each !== owner);
      return add(rest, { ...owner, manager: ancient });
    },
    [...owners],
  );
}

/** Joins the owner's fields to those that it has already. */
function add(owners: readonly Owner[], owner: Owner): Owner[] {
  const same = owners.find((each) => isSameOwner(each, owner));
  const fields = same ? union(same.fields, owner.fields) : owner.fields;
  return [...owners.filter((each) => each !== same), { ...owner, fields }];
}

/** Takes `fields` from all owners but `except`. */
export function takeFrom(
  owners: readonly Owner[],
  except: Omit<Owner, "fields">,
  fields: FieldSet,
): Owner[] {
  return owners.map((owner) =>
    isSameOwner(owner, except) ? owner : { ...owner, fields: difference(owner.fields, fields) },
  );
}

/** Gives `owner` these fields in place of its own. Its time changes when they do, or on `touch`. */
export function setFields(
  owners: readonly Owner[],
  owner: Omit<Owner, "fields">,
  { fields, touch = false }: { readonly fields: FieldSet; readonly touch?: boolean },
): Owner[] {
  const same = owners.find((each) => isSameOwner(each, owner));
  const time = same && !touch && equalSets(same.fields, fields) ? same.time : owner.time;
  return [...owners.filter((each) => each !== same), { ...owner, time, fields }];
}
