/** How many free addresses a host keeps in hand, for when the control plane is away. */
import type { BlockAllocation } from "../../ipam/block-allocation.ts";
import { isIdle } from "../../ipam/block-allocation.ts";
import { giveBack, isShort, surplus } from "../../ipam/block-holder.ts";
import type { NodeSpec } from "../spec/node-spec.ts";
import type { Addresses } from "./addresses.ts";
import { givenHere } from "./given-here.ts";

/** Far enough apart that a container that comes and goes moves no block. */
const amounts = { wantFree: 4, keepFree: 40 } as const;

type Stocked = { readonly spec: NodeSpec; readonly addresses: Addresses };

/** Blocks by subnet, `namespace/name`. */
function bySubnet({ addresses }: Stocked): Map<string, BlockAllocation[]> {
  const found = new Map<string, BlockAllocation[]>();
  for (const block of addresses.blocks) {
    const key = `${block.subnet.namespace}/${block.subnet.name}`;
    found.set(key, [...(found.get(key) ?? []), block]);
  }
  return found;
}

/** Gives back what the host can do without. Gives whether there was such. Throws FileError. */
export function returnSurplus(stocked: Stocked): boolean {
  const { spec, addresses } = stocked;
  if (!spec.isComplete) return false;
  let isChanged = false;
  for (const blocks of bySubnet(stocked).values()) {
    const subnet = spec.subnet(blocks[0]!.subnet);
    const spare = subnet
      ? surplus(blocks, { ranges: givenHere(spec, subnet), ...amounts }, addresses.moment)
      : blocks.find((block) => isIdle(block) && ["giving", "recalled"].includes(block.stage));
    if (!spare) continue;
    addresses.put(giveBack(spare));
    isChanged = true;
  }
  return isChanged;
}

/** Subnets in use here, as `namespace/name`, that a block more is wanted of. */
export function shortSubnets(stocked: Stocked): string[] {
  const { spec, addresses } = stocked;
  return [...bySubnet(stocked)].flatMap(([key, blocks]) => {
    const subnet = spec.subnet(blocks[0]!.subnet);
    if (!subnet || blocks.every(isIdle)) return [];
    const stock = { ranges: givenHere(spec, subnet), ...amounts };
    return isShort(blocks, stock, addresses.moment) ? [key] : [];
  });
}
