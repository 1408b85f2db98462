/** Hosts' own prefixes: blocks beside them are recalled, and hosts tell what is still in use. */
import type { Host, IPBlock, Subnet } from "../../api/kinds/index.ts";
import { type IpBlock, recallBlock } from "../../ipam/block-lease.ts";
import { isInPlace, type NodePrefix } from "../../ipam/node-prefix.ts";
import { overlaps, parsePrefix } from "../../lib/prefix.ts";
import { blocksOf, changeBlock, prefixesOf } from "./blocks.ts";
import { type Told, withCondition } from "./condition.ts";
import {
  find,
  type ReconcileContext,
  type Reconciler,
  type Touch,
  writeStatus,
} from "./reconciler.ts";

/** Whether all that is in use lies where hosts' prefixes say. */
const type = "PrefixesSettled";

const subnetsOf = (host: Host | undefined): string[] =>
  (host?.spec.prefixes ?? []).map(({ subnet }) => subnet);

function changedPrefixes({ plural, object, previous }: Touch): boolean {
  if (plural !== "hosts") return false;
  const [now, before] = [object as Host | undefined, previous as Host | undefined];
  return !Bun.deepEquals(now?.spec.prefixes, before?.spec.prefixes);
}

const cidrOf = ({ spec }: IpBlock) => parsePrefix(spec.cidr);

const isMisplaced = (block: IpBlock, prefixes: readonly NodePrefix[]): boolean =>
  block.spec.host !== "" && !isInPlace({ cidr: cidrOf(block), host: block.spec.host }, prefixes);

/** Hosts are to give nothing more of blocks where another's prefix is now, or beside their own. */
export const blockRecalls: Reconciler = {
  name: "block-recalls",
  pauseMs: 100,
  touched: (touch) =>
    changedPrefixes(touch)
      ? [...subnetsOf(touch.object as Host), ...subnetsOf(touch.previous as Host)]
      : [],
  async run(context, what) {
    const subnet = await find<Subnet>(context, "Subnet", what);
    if (!subnet) return undefined;
    const prefixes = await prefixesOf(context, subnet);
    for (const block of await blocksOf(context, subnet)) {
      if (block.spec.recalled || !isMisplaced(block, prefixes)) continue;
      const { lease } = block.spec;
      await changeBlock(context, block.name, (live) =>
        live.spec.lease === lease ? recallBlock(live) : live,
      );
    }
    return undefined;
  },
};

/** Tells in a host's condition what is not yet as its prefixes say. */
export const hostPrefixes: Reconciler = {
  name: "host-prefixes",
  pauseMs: 500,
  touched: (touch) => {
    const { plural, object, previous } = touch;
    if (changedPrefixes(touch)) return [(object ?? previous)!.metadata.name];
    if (plural !== "ipblocks") return [];
    const { subnet, cidr, host, recalled } = ((object ?? previous) as IPBlock).spec;
    const isMeant = recalled || (previous as IPBlock | undefined)?.spec.recalled;
    return isMeant ? [`${subnet.namespace}/${subnet.name} ${cidr} ${host}`] : [];
  },
  async run(context, what) {
    const [first = "", cidr, holder = ""] = what.split(" ");
    if (cidr === undefined) {
      await tell(context, first);
      return undefined;
    }
    const subnet = await find<Subnet>(context, "Subnet", first);
    if (!subnet) return undefined;
    const prefixes = await prefixesOf(context, subnet);
    const around = prefixes.filter((each) => overlaps(each.cidr, parsePrefix(cidr)));
    const hosts = new Set([holder, ...around.map(({ host }) => host)]);
    for (const host of hosts) if (host !== "") await tell(context, host);
    return undefined;
  },
};

async function tell(context: ReconcileContext, name: string): Promise<void> {
  const host = await find<Host>(context, "Host", name);
  const subnets = new Set(subnetsOf(host));
  const isTold = host?.status?.conditions?.some((one) => one.type === type);
  if (!host || (subnets.size === 0 && !isTold)) return;
  const unsettled: string[] = [];
  for (const each of subnets) {
    const subnet = await find<Subnet>(context, "Subnet", each);
    if (subnet) unsettled.push(...(await unsettledIn(context, subnet, name)));
  }
  await writeStatus(context, host, ({ metadata, status }) => {
    const known: NonNullable<NonNullable<Host["status"]>["conditions"]> = status?.conditions ?? [];
    if (subnets.size === 0) {
      return { ...status, conditions: known.filter((one) => one.type !== type) };
    }
    const at = { now: context.objects.now(), generation: metadata.generation };
    return { ...status, conditions: withCondition(known, toldOf(unsettled), at) };
  });
}

/** Blocks of the host beside its prefixes, and blocks of others in them. */
async function unsettledIn(
  context: ReconcileContext,
  subnet: Subnet,
  name: string,
): Promise<string[]> {
  const prefixes = await prefixesOf(context, subnet);
  const own = prefixes.filter(({ host }) => host === name);
  return (await blocksOf(context, subnet)).flatMap((block) => {
    const { host, cidr } = block.spec;
    const isInside = own.some((each) => overlaps(each.cidr, cidrOf(block)));
    if (!isMisplaced(block, prefixes) || (host !== name && !isInside)) return [];
    const held = Object.keys(block.status.allocation?.held ?? {}).length;
    const where = host === name ? "its own block" : `host "${host}"'s block`;
    return [`${held} of ${where} ${cidr}`];
  });
}

/** So many are told of. */
const most = 5;

function toldOf(unsettled: readonly string[]): Told {
  if (unsettled.length === 0) {
    const message = "Its blocks are in its prefixes, and no other host's are";
    return { type, status: "True", reason: "Settled", message };
  }
  const rest = unsettled.length > most ? `, and ${unsettled.length - most} more blocks` : "";
  const message =
    "Addresses that are not where hosts' prefixes say stay in use until their ports go: " +
    `${unsettled.slice(0, most).join(", ")}${rest}`;
  return { type, status: "False", reason: "InUse", message };
}
