/** Blocks: leased to hosts that ask, taken back from those that return them or are removed. */
import { apiVersionOf } from "../../api/kind.ts";
import { fenceOf, labelsOfHost } from "../../api/kinds/host.ts";
import type { Host, IPBlock, Network, Subnet } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { selects } from "../../api/selectors.ts";
import { ifAbsent } from "../../api/status-error.ts";
import { givenRanges } from "../../ipam/block.ts";
import { countFree } from "../../ipam/block-allocation.ts";
import {
  type IpBlock,
  isSpent,
  leaseBlock,
  leaseOut,
  reclaimBlock,
} from "../../ipam/block-lease.ts";
import { mayLease } from "../../ipam/host-fence.ts";
import { layoutOf } from "../../ipam/layout.ts";
import { freeNodePrefixes, type NodePrefix, rangesOn } from "../../ipam/node-prefix.ts";
import { placeBlock } from "../../ipam/placement.ts";
import { type Prefix, parsePrefix } from "../../lib/prefix.ts";
import { keyOf } from "../objects/keys.ts";
import { nodePrefixesOf } from "../objects/node-prefixes.ts";
import type { Condition } from "../store/store.ts";
import {
  find,
  kindOf,
  type ReconcileContext,
  type Reconciler,
  referring,
  writer,
} from "./reconciler.ts";

const blockKind = kindOf("IPBlock");

/** The object in the words of `ipam/`. */
export const toBlock = ({ metadata, spec, status }: IPBlock): IpBlock => ({
  name: metadata.name,
  spec: { ...spec, claims: (spec.claims ?? []) as IpBlock["spec"]["claims"] },
  status: (status ?? {}) as IpBlock["status"],
});

/** All blocks that refer to an object: to a subnet, to a host. */
export async function blocksNaming(
  context: ReconcileContext,
  kind: string,
  { metadata }: ApiObject,
): Promise<IpBlock[]> {
  return (await referring<IPBlock>(context, { kind, metadata }, "IPBlock")).map(toBlock);
}

export const blocksOf = (context: ReconcileContext, subnet: Subnet): Promise<IpBlock[]> =>
  blocksNaming(context, "Subnet", subnet);

/** Hosts' own prefixes of a subnet. */
export const prefixesOf = ({ objects }: ReconcileContext, { metadata }: Subnet) =>
  nodePrefixesOf(objects.store, keyOf(kindOf("Subnet"), metadata));

/** Writes what a block becomes; undefined: it goes. */
export async function changeBlock(
  { objects }: ReconcileContext,
  name: string,
  change: (block: IpBlock) => IpBlock | undefined,
  standsOn?: readonly Condition[],
): Promise<void> {
  let goes = false;
  const changed = await objects
    .update(
      blockKind,
      { name },
      (live) => {
        const block = toBlock(live as IPBlock);
        const next = change(block);
        goes = next === undefined;
        if (!next || next === block) return live;
        return { ...live, spec: next.spec, status: next.status };
      },
      { ...writer, ...(standsOn && { standsOn }) },
    )
    .catch(ifOvertaken);
  if (!goes || !changed) return;
  const { resourceVersion } = changed.metadata;
  await objects.delete(blockKind, { name }, { resourceVersion }).catch(ifOvertaken);
}

/** Somebody else was quicker, and his change is looked at next. */
export function ifOvertaken(error: unknown): undefined {
  const { reason } = error as { readonly reason?: string };
  if (reason === "Conflict" || reason === "AlreadyExists") return undefined;
  return ifAbsent(error);
}

/** Hosts that ask for blocks get them. */
export const blockLeases: Reconciler = {
  name: "block-leases",
  pauseMs: 20,
  touched: ({ plural, object }) => {
    if (!object) return [];
    // What a host reports of its blocks may be that the one it has is full.
    if (plural === "ipblocks") return object.spec.host === "" ? [] : [object.spec.host];
    const wants = (object as Host).status?.wantedBlocks ?? [];
    return plural === "hosts" && wants.length > 0 ? [object.metadata.name] : [];
  },
  async run(context, what) {
    const host = await find<Host>(context, "Host", what);
    if (!host || !mayLease(fenceOf(host)) || host.spec.unschedulable) return undefined;
    for (const wanted of host.status?.wantedBlocks ?? []) {
      const subnet = await find<Subnet>(context, "Subnet", wanted);
      if (!subnet || subnet.metadata.deletionTimestamp) continue;
      if (isOfHost(host, await networkOf(context, subnet))) await lease(context, host, subnet);
    }
    return undefined;
  },
};

export const networkOf = (context: ReconcileContext, { metadata, spec }: Subnet) =>
  find<Network>(context, "Network", `${metadata.namespace}/${spec.network}`);

/** A host has no business with addresses of networks that it does not have. */
export function isOfHost({ metadata }: Host, network: Network | undefined): boolean {
  if (!network) return false;
  const { hosts } = network.spec;
  return hosts === undefined || selects(hosts, labelsOfHost(metadata.name, metadata.labels));
}

interface Taken {
  readonly prefixes: readonly NodePrefix[];
  readonly blocks: readonly IpBlock[];
}

/** The prefixes that hosts which have none of the subnet are to get of it, one each. */
export function* prefixesLeft(subnet: Subnet, { prefixes, blocks }: Taken): Generator<Prefix> {
  const length = subnet.spec.nodePrefixLength;
  if (length === undefined) return;
  const held = blocks.filter(({ spec }) => spec.host !== "");
  const cidrs = held.map(({ spec }) => parsePrefix(spec.cidr));
  yield* freeNodePrefixes({ layout: layoutOf(subnet), length, prefixes, blocks: cidrs });
}

async function lease(context: ReconcileContext, host: Host, subnet: Subnet): Promise<void> {
  const blocks = await blocksOf(context, subnet);
  const prefixes = await prefixesOf(context, subnet);
  const { name } = host.metadata;
  // It comes soon, and a block beside it would have to go again.
  const hasOwn = prefixes.some((each) => each.host === name);
  if (!hasOwn && !prefixesLeft(subnet, { prefixes, blocks }).next().done) return;
  const ranges = rangesOn(name, givenRanges(layoutOf(subnet)), prefixes);
  const nowMs = context.nowMs();
  // A wish may be older than the block that it was granted.
  const isServed = blocks.some(
    ({ spec, status: { allocation } }) =>
      spec.host === name &&
      !spec.recalled &&
      (allocation?.lease !== spec.lease || countFree(allocation, ranges, nowMs) > 0),
  );
  if (isServed) return;
  const place = placeBlock(blocks, { layout: layoutOf(subnet), ranges, nowMs });
  const holder = { host: name, lease: crypto.randomUUID() };
  if (place.kind === "none") return;
  if (place.kind === "leaseOut") {
    const { lease: read } = place.block.spec;
    await changeBlock(context, place.block.name, (block) =>
      block.spec.lease === read ? leaseOut(block, holder) : block,
    );
    return;
  }
  const { namespace = "", name: subnetName } = subnet.metadata;
  await createBlock(context, leaseBlock({ namespace, name: subnetName }, place.cidr, holder));
}

/** One that another server was quicker with is fine. */
export async function createBlock({ objects }: ReconcileContext, block: IpBlock): Promise<void> {
  const { name, spec } = block;
  const object = { apiVersion: apiVersionOf(blockKind), kind: "IPBlock", metadata: { name }, spec };
  const made = await objects
    .create(blockKind, object as unknown as ApiObject, writer)
    .catch(ifOvertaken);
  if (made && block.status.allocation) {
    // Who was quick to claim an address of it has written its state.
    await changeBlock({ objects, nowMs: Date.now }, name, (live) =>
      live.status.allocation ? live : { ...live, status: block.status },
    );
  }
}

/** Blocks that came back are taken, and go when nobody has an address of them. */
export const blockReturns: Reconciler = {
  name: "block-returns",
  pauseMs: 50,
  touched: ({ plural, object }) => (plural === "ipblocks" && object ? [object.metadata.name] : []),
  async run(context, what) {
    const nowMs = context.nowMs();
    await changeBlock(context, what, (block) => {
      const { spec, status } = block;
      const isBack =
        spec.host !== "" &&
        status.allocation?.lease === spec.lease &&
        status.allocation.stage === "returned";
      if (isBack) return reclaimBlock(block, { lease: crypto.randomUUID(), nowMs });
      return isSpent(block, nowMs) ? undefined : block;
    });
    return undefined;
  },
};
