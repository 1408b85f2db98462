/**
 * Ports of networks that span hosts keep their addresses when they move by their `spec.host`: what
 * a block of the host before gave becomes the control plane's, by a claim, until the port goes.
 */
import type { IPPool, Network, Port, Subnet } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import { answerOf, type IpBlock } from "../../ipam/block-lease.ts";
import type { Claim } from "../../ipam/claim.ts";
import { parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import { keyOf } from "../objects/keys.ts";
import { blocksOf, ifOvertaken, prefixesOf } from "./blocks.ts";
import type { Claiming } from "./claim-place.ts";
import { poolUserOf } from "./pool-user.ts";
import {
  find,
  kindOf,
  nameOf,
  type ReconcileContext,
  type Reconciler,
  referring,
  writer,
} from "./reconciler.ts";

type Given = NonNullable<NonNullable<Port["status"]>["addresses"]>[number];
type MakeClaim = (
  context: ReconcileContext,
  claiming: Claiming,
  claimed: ReadonlySet<string>,
) => Promise<number | "none">;

/** Addresses that a host gave, of a port that is to be on another one by now. */
function leftBehind({ spec, status, metadata }: Port): Given[] {
  const { host } = spec;
  if (host === undefined || spec.joins !== undefined || metadata.deletionTimestamp) return [];
  if (!status?.bindings?.some((binding) => binding.host !== host)) return [];
  return (status.addresses ?? []).filter(({ subnet, claimed }) => subnet !== undefined && !claimed);
}

const blockOf = (blocks: readonly IpBlock[], address: string): IpBlock | undefined =>
  blocks.find(({ spec }) => containsIp(parsePrefix(spec.cidr), parseIp(address)));

/** Makes the claims. */
export const portMoves = (claim: MakeClaim): Reconciler => ({
  name: "port-moves",
  pauseMs: 20,
  touched: ({ plural, object }) =>
    plural === "ports" && object && leftBehind(object as Port).length > 0
      ? [nameOf(object as Port)]
      : [],
  async run(context, what) {
    const port = await find<Port>(context, "Port", what);
    if (!port) return undefined;
    const { namespace, name } = networkOfPort(port.spec, port.metadata.namespace!);
    const network = await find<Network>(context, "Network", `${namespace}/${name}`);
    if (network?.spec.type !== "overlay" && network?.spec.type !== "routed") return undefined;
    let again: number | undefined;
    for (const given of leftBehind(port)) {
      const subnet = await find<Subnet>(context, "Subnet", `${namespace}/${given.subnet}`);
      if (!subnet || subnet.metadata.deletionTimestamp) continue;
      const blocks = await blocksOf(context, subnet);
      const block = blockOf(blocks, given.address);
      // The host that it is on by now gave it.
      if (block?.spec.host === port.spec.host) continue;
      if (block?.spec.claims.some((each) => isOfMove(port, each, given))) continue;
      const wish = { subnet, address: given.address };
      const pools = await referring<IPPool>(context, subnet, "IPPool");
      const prefixes = await prefixesOf(context, subnet);
      const user = await poolUserOf(context, port);
      const nowMs = context.nowMs();
      const own = { port, wish, user, pools, prefixes, blocks, nowMs };
      const next = await claim(context, { ...own, ...takesFromOf(port) }, new Set());
      if (next !== "none") again = Math.min(next, again ?? next);
    }
    return again;
  },
});

function takesFromOf({ status }: Port): { readonly takesFrom?: string } {
  const { containerId, ifName } = status?.attachment ?? {};
  if (containerId === undefined || ifName === undefined) return {};
  return { takesFrom: `${containerId}/${ifName}` };
}

const isOfMove = ({ metadata }: Port, { owner, address }: Claim, given: Given): boolean =>
  owner === metadata.uid && address === given.address;

/** What its holder said of an address that the port left behind. */
export interface SettledMove {
  readonly address: string;
  /** The port keeps it; else it is another's by now, and the port gets one where it is. */
  readonly isKept: boolean;
}

/** Undefined where the claim is of no move, or not answered yet. */
export function settledMove(port: Port, block: IpBlock, claim: Claim): SettledMove | undefined {
  const given = leftBehind(port).find((each) => isOfMove(port, claim, each));
  const { kind } = answerOf(block, claim.id);
  if (!given || kind === "none" || block.spec.host === port.spec.host) return undefined;
  return { address: given.address, isKept: kind === "granted" };
}

interface MoveWrite {
  readonly port: Port;
  readonly block: IpBlock;
  readonly settled: SettledMove;
  /** Of the block. */
  readonly revision: number;
}

/** While both are as they were read. The change has the claim looked at again. */
export async function writeMove(
  { objects }: ReconcileContext,
  { port, block, settled, revision }: MoveWrite,
): Promise<false> {
  const { address, isKept } = settled;
  const standsOn = [{ key: keyOf(kindOf("IPBlock"), { name: block.name }), revision }];
  const { resourceVersion } = port.metadata;
  const next = (each: Given): Given[] =>
    each.address !== address ? [each] : isKept ? [{ ...each, claimed: true }] : [];
  await objects
    .update(
      kindOf("Port"),
      port.metadata,
      (live) => {
        if (live.metadata.resourceVersion !== resourceVersion) return live;
        const { status } = live as Port;
        return { ...live, status: { ...status, addresses: status!.addresses!.flatMap(next) } };
      },
      { ...writer, subresource: "status", standsOn },
    )
    .catch(ifOvertaken);
  return false;
}
