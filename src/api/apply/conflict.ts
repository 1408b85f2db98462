/** Others own what somebody applies otherwise: the 409 that says who and which fields. */
import { type ApiError, failure, type StatusCause } from "../status-error.ts";
import { type FieldSet, pathsOf } from "./field-set.ts";
import type { Owner } from "./managers.ts";

export interface ApplyConflict {
  readonly owner: Owner;
  readonly fields: FieldSet;
}

/** Worded as Kubernetes words it, which kubectl shows with advice of its own. */
export function applyConflict(conflicts: readonly ApplyConflict[]): ApiError {
  const each = conflicts.map(({ owner, fields }) => ({
    who: ownerText(owner),
    paths: pathsOf(fields).sort(),
  }));
  const causes = each.flatMap(({ who, paths }) =>
    paths.map(
      (field): StatusCause => ({
        reason: "FieldManagerConflict",
        message: `conflict with ${who}`,
        field,
      }),
    ),
  );
  const texts = each.map(({ who, paths }) =>
    paths.length === 1
      ? `conflict with ${who}: ${paths[0]}`
      : `conflicts with ${who}:\n- ${paths.join("\n- ")}`,
  );
  const count = causes.length === 1 ? "1 conflict" : `${causes.length} conflicts`;
  const message = `Apply failed with ${count}: ${texts.join("\n")}`;
  return failure("Conflict", message, { causes });
}

function ownerText({ manager, subresource, operation, apiVersion, time }: Owner): string {
  const name = JSON.stringify(manager);
  const whole = subresource === undefined ? name : `${name} with subresource "${subresource}"`;
  if (operation === "Apply") return whole;
  return `${whole} using ${apiVersion}${time === undefined ? "" : ` at ${time}`}`;
}
