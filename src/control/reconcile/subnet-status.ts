/** Subnets: how many addresses there are, how many are held, and in how many blocks. */
import type { IPBlock, Subnet } from "../../api/kinds/index.ts";
import { givenRanges } from "../../ipam/block.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { rangeSize } from "../../lib/range.ts";
import { blocksOf } from "./blocks.ts";
import { type Told, withCondition } from "./condition.ts";
import { find, nameOf, type Reconciler, writeStatus } from "./reconciler.ts";

export const subnetStatus: Reconciler = {
  name: "subnet-status",
  pauseMs: 500,
  touched: ({ plural, object, previous }) => {
    if (plural === "subnets") return object ? [nameOf(object)] : [];
    if (plural !== "ipblocks") return [];
    const { subnet } = ((object ?? previous) as IPBlock).spec;
    return [`${subnet.namespace}/${subnet.name}`];
  },
  async run(context, what) {
    const subnet = await find<Subnet>(context, "Subnet", what);
    if (!subnet) return undefined;
    const blocks = await blocksOf(context, subnet);
    const addresses = countOf(subnet);
    const allocated = blocks.reduce(
      (sum, { status }) => sum + Object.keys(status.allocation?.held ?? {}).length,
      0,
    );
    await writeStatus(context, subnet, ({ metadata, status }) => ({
      ...status,
      addresses,
      allocated,
      blocks: blocks.length,
      conditions: withCondition(status?.conditions, readiness(addresses, allocated), {
        now: context.objects.now(),
        generation: metadata.generation,
      }),
    }));
    return undefined;
  },
};

/** Of an IPv6 subnet there are more than a number of JSON can say. */
function countOf(subnet: Subnet): number {
  const count = givenRanges(layoutOf(subnet)).reduce((sum, range) => sum + rangeSize(range), 0n);
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(count < most ? count : most);
}

function readiness(addresses: number, allocated: number): Told {
  if (allocated < addresses) {
    const message = "It has free addresses";
    return { type: "Ready", status: "True", reason: "Free", message };
  }
  const message = `All ${addresses} addresses are held: add a subnet to the network`;
  return { type: "Ready", status: "False", reason: "Exhausted", message };
}
