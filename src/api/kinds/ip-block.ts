/** Blocks: parts of subnets that are leased to hosts, which give their addresses by themselves. */
import { defineKind } from "../kind.ts";
import { any, flag, list, object, text } from "../schema.ts";
import { checkAllocation } from "./allocation-check.ts";

export const ipBlockKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "IPBlock",
  plural: "ipblocks",
  singular: "ipblock",
  shortNames: ["ipb"],
  namespaced: false,
  description:
    "A part of a subnet that is leased to a host, which gives its addresses by itself. Only the " +
    "server makes blocks.",
  spec: object("Which addresses, and who gives them.", {
    subnet: object(
      "Whose addresses.",
      {
        namespace: text("The subnet's namespace.", { format: "name", required: true }),
        name: text("The subnet's name.", { format: "name", required: true }),
      },
      { required: true, immutable: true },
    ),
    cidr: text("All its addresses.", { format: "cidr", required: true, immutable: true }),
    host: text("Who gives them: a host, or nobody for the server itself.", { default: "" }),
    lease: text("Another whenever the holder is another.", { required: true }),
    recalled: flag("The server wants it back."),
    claims: list(
      "Single addresses that the server wants set aside for ports.",
      any("A claim: id, owner, ranges, address, identity, takesFrom."),
    ),
  }),
  status: object("What its holder reports.", {
    allocation: any("Which addresses are held, by whom, and which ones rest."),
  }),
  columns: [
    {
      name: "Subnet",
      type: "string",
      description: "Whose addresses.",
      cell: ({ spec }) => `${spec.subnet.namespace}/${spec.subnet.name}`,
    },
    { name: "CIDR", type: "string", description: "Its addresses.", cell: ({ spec }) => spec.cidr },
    {
      name: "Host",
      type: "string",
      description: "Who gives them; the server itself where there is none.",
      cell: ({ spec }) => spec.host,
    },
    {
      name: "Used",
      type: "integer",
      description: "Addresses that are held.",
      cell: ({ status }) => Object.keys(heldOf(status?.allocation)).length,
    },
  ],
  selectable: ["spec.host", "spec.cidr"],
  references: ({ spec }) => [{ path: "spec.subnet", kind: "Subnet", ...spec.subnet }],
  check: checkAllocation,
  managed: true,
});

const heldOf = (allocation: unknown): object =>
  (allocation as { readonly held?: object } | undefined)?.held ?? {};
