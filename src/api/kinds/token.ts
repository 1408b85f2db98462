/** Tokens: secrets that tell who calls. */
import { defineKind } from "../kind.ts";
import { object, text } from "../schema.ts";
import { userPattern } from "./fields.ts";

export const tokenKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "Token",
  plural: "tokens",
  singular: "token",
  shortNames: ["tok"],
  namespaced: false,
  description:
    "A secret that tells who calls. It is shown once, in the answer to its creation; deleting " +
    "the token ends it at once.",
  spec: object("Who bears it, and for how long.", {
    user: text("Who calls with it.", { required: true, immutable: true, pattern: userPattern }),
    expires: text("From then on it is refused; never unless set.", { format: "date-time" }),
    tenant: text("It counts in this tenant alone, whatever its user was granted.", {
      format: "name",
      immutable: true,
    }),
    role: text("It counts for no more than this role, whatever its user was granted.", {
      enum: ["viewer", "editor", "admin", "host"],
      immutable: true,
    }),
  }),
  status: object("What the server keeps.", {
    secret: text("The secret, in the answer to its creation alone."),
    hash: text("SHA-256 of the secret, which can't be read back from it."),
    lastUsed: text("When it was last used, to the hour.", { format: "date-time" }),
  }),
  columns: [
    {
      name: "User",
      type: "string",
      description: "Who calls with it.",
      cell: ({ spec }) => spec.user,
    },
    {
      name: "Role",
      type: "string",
      description: "At most this role.",
      cell: ({ spec }) => spec.role,
    },
    {
      name: "Expires",
      type: "string",
      description: "When it ends, and whether that is over.",
      cell: ({ spec: { expires } }, nowMs) =>
        expires !== undefined && Date.parse(expires) <= nowMs ? `${expires} (expired)` : expires,
    },
  ],
  selectable: ["spec.user"],
});
