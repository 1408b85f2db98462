/** From which of a subnet's addresses this host gives: its own prefixes', where it has any. */
import { prefixesOf } from "../../api/kinds/host.ts";
import type { Host, Subnet } from "../../api/kinds/index.ts";
import { givenRanges } from "../../ipam/block.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { rangesOn } from "../../ipam/node-prefix.ts";
import { parsePrefix } from "../../lib/prefix.ts";
import type { IpRange } from "../../lib/range.ts";
import type { NodeSpec } from "../spec/node-spec.ts";

/** Of other hosts' prefixes a host has no block that it may give from, and is not told. */
export function givenHere(spec: NodeSpec, subnet: Subnet): IpRange[] {
  const { namespace, name } = subnet.metadata;
  const own = spec.all<Host>("hosts").flatMap((host) => prefixesOf(host, `${namespace}/${name}`));
  const prefixes = own.map((cidr) => ({ host: "here", cidr: parsePrefix(cidr) }));
  return rangesOn("here", givenRanges(layoutOf(subnet)), prefixes);
}
