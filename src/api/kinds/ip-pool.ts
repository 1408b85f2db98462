/** Pools: parts of subnets for some tenants, namespaces, workloads or hosts alone. */
import { defineKind } from "../kind.ts";
import type { Fault } from "../object.ts";
import { flag, object, text } from "../schema.ts";
import { conditions, ranges, selector } from "./fields.ts";
import { rangeFaults } from "./range-faults.ts";

interface Checked {
  readonly spec: {
    readonly subnet: string;
    readonly ranges?: readonly { readonly start: string; readonly end: string }[];
  };
}

function check({ spec }: Checked): Fault[] {
  const faults = rangeFaults(spec.ranges, "spec.ranges");
  if (spec.subnet.includes("/")) return faults;
  const message = "must be namespace/name";
  return [{ path: "spec.subnet", reason: "FieldValueInvalid", message }, ...faults];
}

export const ipPoolKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "IPPool",
  plural: "ippools",
  singular: "ippool",
  shortNames: ["ipp"],
  namespaced: false,
  description: "A part of a subnet for some tenants, namespaces, workloads or hosts alone.",
  spec: object("Which addresses, and for whom.", {
    subnet: text("The subnet, as namespace/name.", {
      format: "reference",
      required: true,
      immutable: true,
    }),
    ranges: ranges(
      "Its addresses, the whole subnet's unless set. No port gets one, not by fixedIps either, that " +
        "no pool with this address is for.",
    ),
    tenants: selector("Tenants by their labels; all unless set."),
    namespaces: selector("Namespaces by their labels; all unless set."),
    ports: selector("Ports by their labels; all unless set."),
    hosts: selector(
      "Hosts by their labels; all unless set. A declared port is of a host by its spec.host.",
    ),
    sticky: flag("A workload's identity gets the same address again.", { default: false }),
  }),
  status: object("How it fares.", { conditions }),
  columns: [
    {
      name: "Subnet",
      type: "string",
      description: "Whose addresses.",
      cell: ({ spec }) => spec.subnet,
    },
    {
      name: "Ranges",
      type: "string",
      description: "Its addresses.",
      cell: ({ spec }) => spec.ranges?.map(({ start, end }) => `${start}-${end}`).join(","),
    },
    {
      name: "Sticky",
      type: "boolean",
      description: "Addresses stay with identities.",
      cell: ({ spec }) => spec.sticky,
    },
  ],
  selectable: ["spec.subnet"],
  references: ({ spec }) => {
    const [namespace = "", name = ""] = spec.subnet.split("/");
    return [{ path: "spec.subnet", kind: "Subnet", namespace, name }];
  },
  check,
});
