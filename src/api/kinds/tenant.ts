/** Tenants: who owns namespaces, how much they may have, and what of hosts they may name. */
import { defineKind } from "../kind.ts";
import type { Fault } from "../object.ts";
import { flag, integer, list, object, text, type Value } from "../schema.ts";
import { conditions, selector } from "./fields.ts";

const count = (description: string) =>
  integer(description, { minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const quotas = (description: string) =>
  object(description, {
    networks: count("Networks."),
    ports: count("Ports."),
    addresses: count("Addresses of ports."),
  });

const links = (description: string) =>
  list(
    `${description} A name, or how names begin with "*" behind it.`,
    text("A name.", { pattern: "[^\\s/:%*]{1,15}|[^\\s/:%*]{0,14}\\*" }),
  );
const numbers = (description: string) =>
  list(
    `${description} A number, or the first and the last with "-" between.`,
    text("Numbers.", { pattern: "\\d{1,10}(-\\d{1,10})?" }),
  );

const allowed = object(
  "What of hosts its members may name in its namespaces: nothing that is not listed, subnets apart.",
  {
    parents: links(
      'Links that networks stand on (spec.parent); with "*" also by spec.parentSelector.',
    ),
    vlans: numbers("VLANs of parents (spec.vlan)."),
    uplinks: links("Links that become ports of a bridge (spec.uplink)."),
    takeOver: flag(
      "Links may be taken from the host: spec.takeOver, and mode passthru of macvlan.",
    ),
    bridges: links("Bridges that have a name of their own (spec.bridge)."),
    hostNetwork: flag("Networks of type host, and addresses of the host's own on a shim."),
    spoofing: flag("Ports may send with addresses that are not theirs (spec.antiSpoofing: false)."),
    subnets: list(
      "What subnets lie within (spec.cidr); anywhere unless set.",
      text("A network.", {
        format: "cidr",
      }),
    ),
    devices: links("Links that machines are behind (spec.device of ports)."),
    taps: links("Taps that have a name of their own (spec.tap.name of ports)."),
    tapOwners: numbers("User IDs that may open taps (spec.tap.owner of ports)."),
    tapGroups: numbers("Group IDs that may open taps (spec.tap.group of ports)."),
    hostPorts: numbers("Ports of hosts (spec.publish[].hostPort of ports)."),
  },
);
export type Allowed = Value<typeof allowed>;

/** Numbers from the first to the last; one alone is both. */
export function boundsOf(numbers: string): readonly [first: number, last: number] {
  const [first, last = first] = numbers.split("-").map(Number);
  return [first!, last!];
}

const lists = ["vlans", "tapOwners", "tapGroups", "hostPorts"] as const;

function check({ spec }: { readonly spec: { readonly allowed?: Allowed } }): Fault[] {
  return lists.flatMap((name) =>
    (spec.allowed?.[name] ?? []).flatMap((numbers, i): Fault[] => {
      const [first, last] = boundsOf(numbers);
      if (first <= last) return [];
      const path = `spec.allowed.${name}[${i}]`;
      return [{ path, reason: "FieldValueInvalid", message: "ends before it begins" }];
    }),
  );
}

export const tenantKind = defineKind({
  group: "netloom.dev",
  version: "v1alpha1",
  kind: "Tenant",
  plural: "tenants",
  singular: "tenant",
  shortNames: ["ten"],
  namespaced: false,
  description: "Who owns namespaces, how much may be in them, and what of hosts they may name.",
  spec: object("What it owns, its quotas, and what of hosts its members may name.", {
    namespaceSelector: selector("The namespaces that it owns; no two tenants own one."),
    quotas: quotas("At most so many in all of its namespaces; no limit where unset."),
    allowed,
  }),
  status: object("What it has.", { used: quotas("How many there are."), conditions }),
  columns: [
    ...(["networks", "ports", "addresses"] as const).map((noun) => ({
      name: noun[0]!.toUpperCase() + noun.slice(1),
      type: "string" as const,
      description: `${noun} in use, and at most.`,
      cell: ({ spec, status }: TenantCells) =>
        `${status?.used?.[noun] ?? 0}/${spec.quotas?.[noun] ?? "-"}`,
    })),
  ],
  selectable: [],
  check,
});

type Counts = { readonly networks?: number; readonly ports?: number; readonly addresses?: number };
interface TenantCells {
  readonly spec: { readonly quotas?: Counts };
  readonly status?: { readonly used?: Counts };
}
