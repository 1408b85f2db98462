/** This host's blocks as the node spec has them. */
import { fenceOf } from "../../api/kinds/host.ts";
import type { ApiObject } from "../../api/object.ts";
import type { BlockView } from "../../ipam/block-holder.ts";
import { type IpBlock, leasedBlock } from "../../ipam/block-lease.ts";
import { bootFor, type Incarnation } from "../../ipam/host-fence.ts";
import type { NodeSpec } from "../spec/node-spec.ts";

export type IPBlockObject = ApiObject<IpBlock["spec"], IpBlock["status"]>;

/** Undefined until a whole spec was heard from a server in this run. */
export function blockView(
  spec: NodeSpec,
  host: string,
  own: Pick<Incarnation, "agent">,
): BlockView | undefined {
  if (spec.revision === undefined) return undefined;
  const known = spec.host(host);
  const boot = known ? bootFor(fenceOf(known), own) : "";
  const blocks = spec
    .all<IPBlockObject>("ipblocks")
    .filter((block) => block.spec.host === host)
    .map(({ metadata, spec, status = {} }) =>
      leasedBlock({ name: metadata.name, spec: { ...spec, claims: spec.claims ?? [] }, status }),
    );
  return { revision: Number(spec.revision), boot, blocks };
}
