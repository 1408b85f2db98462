/** A host's own prefixes of subnets: what is wrong with them alone, and what they refer to. */
import { overlaps, parsePrefix } from "../../lib/prefix.ts";
import type { Reference } from "../kind.ts";
import type { Fault } from "../object.ts";

export interface PrefixOfSubnet {
  /** `namespace/name`. */
  readonly subnet: string;
  readonly cidr: string;
}

interface Checked {
  readonly spec: { readonly prefixes?: readonly PrefixOfSubnet[] };
}

/** How they stand to subnets, and to other hosts', only the server knows. */
export function checkPrefixes({ spec: { prefixes = [] } }: Checked): Fault[] {
  return prefixes.flatMap(({ subnet, cidr }, i): Fault[] => {
    const fault = (field: string, message: string): Fault => ({
      ...{ path: `spec.prefixes[${i}].${field}`, reason: "FieldValueInvalid", message },
    });
    if (!subnet.includes("/")) return [fault("subnet", "must be namespace/name")];
    const other = prefixes.findIndex(
      (each) => each.subnet === subnet && overlaps(parsePrefix(each.cidr), parsePrefix(cidr)),
    );
    if (other === i) return [];
    return [fault("cidr", `overlaps prefixes[${other}]: leave out the smaller one`)];
  });
}

/** Each subnet once, with the prefixes of it in the note. */
export function prefixReferences(prefixes: readonly PrefixOfSubnet[] = []): Reference[] {
  const bySubnet = Object.groupBy(prefixes, ({ subnet }) => subnet);
  return Object.entries(bySubnet).map(([subnet, some = []]) => {
    const [namespace = "", name = ""] = subnet.split("/");
    const path = `spec.prefixes[${prefixes.indexOf(some[0]!)}].subnet`;
    const note = some.map(({ cidr }) => cidr).join(" ");
    return { path, kind: "Subnet", namespace, name, note };
  });
}
