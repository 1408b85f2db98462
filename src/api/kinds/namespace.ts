/** Namespaces, as Kubernetes has them: where names of networks, subnets and ports are unique. */
import { defineKind } from "../kind.ts";
import { object, text } from "../schema.ts";

export const namespaceKind = defineKind({
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  singular: "namespace",
  shortNames: ["ns"],
  namespaced: false,
  description:
    "A place for names. A tenant owns the namespaces that its selector names; the namespace " +
    '"default" is always there.',
  spec: object("Nothing to say.", {}),
  status: object("How it fares.", {
    phase: text("Active, or Terminating while what is in it goes.", {
      enum: ["Active", "Terminating"],
    }),
  }),
  columns: [
    {
      name: "Status",
      type: "string",
      description: "Active or Terminating.",
      cell: ({ status }) => status?.phase,
    },
  ],
  selectable: [],
});
