/** Grants: who may do what, and where. */
import { defineKind } from "../kind.ts";
import type { Fault } from "../object.ts";
import { object, text, type Value } from "../schema.ts";
import { userPattern } from "./fields.ts";

const spec = object("Who may do what, and where.", {
  user: text("Who: a token's user, or a client certificate's common name.", {
    required: true,
    immutable: true,
    pattern: userPattern,
  }),
  role: text(
    "viewer reads; editor also changes networks, subnets and ports; admin also pools, tenants, " +
      "tokens and grants; host is an agent's.",
    { enum: ["viewer", "editor", "admin", "host"], required: true },
  ),
  tenant: text("In this tenant's namespaces alone; everywhere unless set.", { format: "name" }),
  host: text("Role host: whose agent it is.", { format: "name" }),
});

type Spec = Value<typeof spec>;

function check({ spec }: { readonly spec: Spec }): Fault[] {
  if (spec.role === "host" && spec.host === undefined) {
    const message = 'is required of role "host"';
    return [{ path: "spec.host", reason: "FieldValueRequired", message }];
  }
  if (spec.role !== "host" && spec.host !== undefined) {
    const message = 'goes with role "host" only';
    return [{ path: "spec.host", reason: "FieldValueForbidden", message }];
  }
  return [];
}

export const grantKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "Grant",
  plural: "grants",
  singular: "grant",
  shortNames: ["gr"],
  namespaced: false,
  description: "Who may do what, and where.",
  spec,
  status: object("Nothing to tell.", {}),
  columns: [
    { name: "User", type: "string", description: "Who.", cell: ({ spec }) => spec.user },
    {
      name: "Role",
      type: "string",
      description: "What they may do.",
      cell: ({ spec }) => spec.role,
    },
    {
      name: "Tenant",
      type: "string",
      description: "Where; everywhere unless set.",
      cell: ({ spec }) => spec.tenant,
    },
    {
      name: "Host",
      type: "string",
      description: "Whose agent it is.",
      wide: true,
      cell: ({ spec }) => spec.host,
    },
  ],
  selectable: ["spec.user"],
  check,
  references: ({ spec }) =>
    spec.tenant === undefined ? [] : [{ path: "spec.tenant", kind: "Tenant", name: spec.tenant }],
});
