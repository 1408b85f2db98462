/** Ports without a host get addresses by claims on blocks, which end when nobody has them. */
import { isDeepStrictEqual } from "node:util";
import type { Host, IPBlock, IPPool, Network, Port, Subnet } from "../../api/kinds/index.ts";
import { networkOfPort } from "../../api/kinds/port.ts";
import type { ApiObject } from "../../api/object.ts";
import { ifAbsent } from "../../api/status-error.ts";
import { blockAround, blockName } from "../../ipam/block.ts";
import {
  claimStep,
  type IpBlock,
  leaseBlock,
  withClaim,
  withoutClaims,
} from "../../ipam/block-lease.ts";
import type { Claim } from "../../ipam/claim.ts";
import { layoutOf } from "../../ipam/layout.ts";
import type { ClaimPlace } from "../../ipam/placement.ts";
import { parseIp } from "../../lib/ip.ts";
import { containsIp, parsePrefix } from "../../lib/prefix.ts";
import { keyOf } from "../objects/keys.ts";
import {
  exhausted,
  isToldOfOther,
  isTroubled,
  tellTrouble,
  troubleOf,
  troubleOfPools,
  troublesOfJoined,
  troublesOutside,
} from "./address-trouble.ts";
import { blocksOf, changeBlock, createBlock, ifOvertaken, prefixesOf, toBlock } from "./blocks.ts";
import {
  type Claiming,
  isOurs,
  isServedSoon,
  isWanted,
  newClaim,
  openWishes,
  place,
  portOfClaim,
  unwished,
} from "./claim-place.ts";
import { settledMove, writeMove } from "./moves.ts";
import { hostOf, poolUserOf } from "./pool-user.ts";
import {
  find,
  kindOf,
  nameOf,
  placeOf,
  type ReconcileContext,
  type Reconciler,
  referring,
  writer,
} from "./reconciler.ts";
import { reserve } from "./reservation.ts";

const portKind = kindOf("Port");
/** After a change that somebody else may have been quicker than. */
const soonMs = 50;
/** Where no address was to be had, one may be free later. */
const againMs = 5_000;
/** A holder answers in moments; one that does not may be away. */
const answerMs = 2_000;
/** A host that asks for a block soon has it. */
const servedMs = 200;
/** What nobody tells of is looked for: claims of ports that went before they had an address. */
const lookMs = 60_000;

/** Makes claims for ports that lack addresses. */
export const claimWishes: Reconciler = {
  name: "claim-wishes",
  pauseMs: 20,
  touched: ({ plural, object, previous }) => {
    if (plural !== "ports" || !object) return [];
    const port = object as Port;
    const isNews =
      !previous ||
      countOf(previous as Port) !== countOf(port) ||
      !isDeepStrictEqual((previous as Port).spec.fixedIps, port.spec.fixedIps);
    const isAsking = countOf(port) === 0 || (port.status?.wantedAddresses ?? []).length > 0;
    const isAmiss = unwished(port).length > 0 || isTroubled(port);
    return isNews || isAsking || isAmiss ? [nameOf(port)] : [];
  },
  async run(context, what) {
    const port = await find<Port>(context, "Port", what);
    if (!port || port.metadata.deletionTimestamp) return undefined;
    if (unwished(port).length > 0) return dropUnwished(context, port);
    const { namespace, name } = networkOfPort(port.spec, port.metadata.namespace!);
    const network = await find<Network>(context, "Network", `${namespace}/${name}`);
    if (!network) return undefined;
    const all = await referring<Subnet>(context, network, "Subnet");
    const subnets = all.filter(({ metadata }) => !metadata.deletionTimestamp);
    const outside = port.spec.joins === undefined ? troublesOutside(port, subnets) : [];
    const troubles = [...outside, ...(await troublesOfJoined(context, port))];
    // Nobody tells of a subnet that is made.
    let again = outside.length > 0 ? againMs : undefined;
    const wishes = openWishes(port, subnets);
    for (const wish of wishes) {
      const blocks = await blocksOf(context, wish.subnet);
      const trouble =
        (await troubleOf(context, port, { wish, blocks })) ??
        (await troubleOfPools(context, port, wish));
      if (trouble) {
        troubles.push(trouble);
        again = Math.min(againMs, again ?? againMs);
        continue;
      }
      if (!isOurs(port, wish, blocks)) continue;
      const claimed = blocks.filter((block) =>
        block.spec.claims.some(
          (each) => each.owner === port.metadata.uid && isWanted(port, block, each),
        ),
      );
      if (claimed.length > 0 && (await isAnyReached(context, claimed))) {
        again = Math.min(answerMs, again ?? answerMs);
        continue;
      }
      const reserved = await reserve(context, port, countOf(port) + wishes.length);
      if (reserved !== "done") return reserved === "now" ? 0 : againMs;
      const pools = await referring<IPPool>(context, wish.subnet, "IPPool");
      const user = await poolUserOf(context, port);
      const nowMs = context.nowMs();
      const tried = new Set(claimed.map(({ name: block }) => block));
      const prefixes = await prefixesOf(context, wish.subnet);
      const claiming = { port, wish, user, pools, prefixes, blocks, nowMs };
      const next = await claim(context, claiming, tried);
      if (next === "none") troubles.push(exhausted(wish.subnet, { host: hostOf(port), prefixes }));
      const nextMs = next === "none" ? againMs : next;
      again = Math.min(nextMs, again ?? nextMs);
    }
    const isOver = wishes.length === 0 || isToldOfOther(port);
    if (troubles[0] || isOver) await tellTrouble(context, port, troubles[0]);
    return again;
  },
};

const countOf = ({ status }: Port) => status?.addresses?.length ?? 0;

/**
 * Takes from the port what it asks no more for, and counts it for what it asks alone; the change
 * has it looked at again.
 */
async function dropUnwished({ objects }: ReconcileContext, { metadata }: Port): Promise<undefined> {
  await objects
    .update(
      portKind,
      metadata,
      (live) => {
        const over = unwished(live as Port);
        if (over.length === 0) return live;
        const { reservedAddresses: _, ...status } = (live as Port).status!;
        const addresses = status.addresses!.filter(({ address }) => !over.includes(address));
        return { ...live, status: { ...status, addresses } };
      },
      { ...writer, subresource: "status" },
    )
    .catch(ifAbsent);
}

/** Whether a holder of one of these blocks answers; the control plane itself does. */
async function isAnyReached(context: ReconcileContext, blocks: readonly IpBlock[]) {
  for (const host of new Set(blocks.map(({ spec }) => spec.host))) {
    if (host === "") return true;
    const found = await find<Host>(context, "Host", host);
    const ready = found?.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.status === "True") return true;
  }
  return false;
}

/** A place whose holder is there to answer, unless the address can be had nowhere else. */
async function placeReached(
  context: ReconcileContext,
  claiming: Claiming,
  claimed: ReadonlySet<string>,
): Promise<ClaimPlace> {
  const tried = new Set(claimed);
  for (;;) {
    const placed = place(claiming, tried);
    if (placed.kind !== "claim" || claiming.wish.address !== undefined) return placed;
    if (await isAnyReached(context, [placed.block])) return placed;
    tried.add(placed.block.name);
  }
}

/**
 * Gives when to look again; `none`: no address is free. `claimed`: blocks that have a claim of the
 * port already.
 */
export async function claim(
  context: ReconcileContext,
  claiming: Claiming,
  claimed: ReadonlySet<string>,
): Promise<number | "none"> {
  const { port, wish, nowMs } = claiming;
  if (isServedSoon(claiming)) return servedMs;
  const placed = await placeReached(context, claiming, claimed);
  if (placed.kind === "none") return wish.address === undefined ? "none" : againMs;
  if (placed.kind === "lease") {
    const { namespace = "", name } = wish.subnet.metadata;
    const holder = { host: "", lease: crypto.randomUUID() };
    await createBlock(context, leaseBlock({ namespace, name }, placed.cidr, holder));
    // With the new block there is a place.
    return 0;
  }
  const stands = { key: keyOf(portKind, port.metadata), revision: revisionOf(port) };
  const made = newClaim(claiming, placed.block);
  const { lease } = placed.block.spec;
  await changeBlock(
    context,
    placed.block.name,
    (block) => (block.spec.lease === lease ? withClaim(block, made, nowMs) : block),
    [stands],
  );
  return soonMs;
}

const revisionOf = ({ metadata }: ApiObject) => Number(metadata.resourceVersion);

/** Uses what was granted, and ends claims whose address nobody has. */
export const claimSteps: Reconciler = {
  name: "claim-steps",
  pauseMs: 20,
  touched: ({ plural, object, previous }) => {
    if (plural === "ipblocks" && object) {
      return ((object as IPBlock).spec.claims ?? []).length > 0 ? [object.metadata.name] : [];
    }
    if (plural !== "ports" || !previous) return [];
    // A claim that is not used any more can go.
    const { namespace } = networkOfPort((previous as Port).spec, previous.metadata.namespace!);
    const addresses = (port: Port | undefined) => port?.status?.addresses ?? [];
    const left = addresses(object as Port | undefined).map(({ address }) => address);
    return addresses(previous as Port)
      .filter(({ address, subnet }) => subnet !== undefined && !left.includes(address))
      .map(({ address, subnet }) => `${namespace}/${subnet}/${address}`);
  },
  async run(context, what) {
    const name = what.includes("/") ? await blockOfAddress(context, what) : what;
    const found = name && (await find<IPBlock>(context, "IPBlock", name));
    if (!found) return undefined;
    const block = toBlock(found);
    let isDone = true;
    for (const each of block.spec.claims) {
      if (!(await step(context, block, each, revisionOf(found)))) isDone = false;
    }
    if (!isDone) return soonMs;
    return block.spec.claims.length > 0 && name === what ? lookMs : undefined;
  },
};

async function blockOfAddress(context: ReconcileContext, what: string) {
  const [namespace = "", name = "", address = ""] = what.split("/");
  const subnet = await find<Subnet>(context, "Subnet", `${namespace}/${name}`);
  return subnet && blockName({ namespace, name }, blockAround(layoutOf(subnet), parseIp(address)));
}

/** Gives whether nothing was to be done: somebody else may have been quicker with what was. */
async function step(
  context: ReconcileContext,
  block: IpBlock,
  each: Claim,
  revision: number,
): Promise<boolean> {
  const named = portOfClaim(each);
  const found = await find<Port>(context, "Port", named);
  const port = found?.metadata.uid === each.owner ? found : undefined;
  const has = port && addressIn(port, block);
  const settled = port && settledMove(port, block, each);
  if (settled) return writeMove(context, { port, block, settled, revision });
  const isOver = !port || (has === undefined && !isWanted(port, block, each));
  const done = isOver ? ({ kind: "end" } as const) : claimStep(block, each, has);
  if (done.kind === "use") {
    await use(context, { port: port!, block, address: done.address, revision });
  } else if (done.kind === "end") {
    const stands = {
      key: keyOf(portKind, placeOf(named)),
      revision: found ? revisionOf(found) : 0,
    };
    const ids = new Set([each.id]);
    const nowMs = context.nowMs();
    await changeBlock(context, block.name, (live) => withoutClaims(live, ids, nowMs), [stands]);
  }
  return done.kind === "keep" || done.kind === "wait";
}

/** The address that the port has of this block, or of its subnet. */
function addressIn({ status }: Port, { spec }: IpBlock): string | undefined {
  const own = (status?.addresses ?? []).filter(({ subnet }) => subnet === spec.subnet.name);
  const cidr = parsePrefix(spec.cidr);
  return (own.find(({ address }) => containsIp(cidr, parseIp(address))) ?? own[0])?.address;
}

interface Use {
  readonly port: Port;
  readonly block: IpBlock;
  readonly address: string;
  /** Of the block. */
  readonly revision: number;
}

/** Gives the port its address, while both are as they were read. */
async function use({ objects }: ReconcileContext, { port, block, address, revision }: Use) {
  const standsOn = [{ key: keyOf(kindOf("IPBlock"), { name: block.name }), revision }];
  const { resourceVersion } = port.metadata;
  const given = { address, subnet: block.spec.subnet.name, claimed: true };
  await objects
    .update(
      portKind,
      port.metadata,
      (live) => {
        if (live.metadata.resourceVersion !== resourceVersion) return live;
        const { status } = live as Port;
        return { ...live, status: { ...status, addresses: [...(status?.addresses ?? []), given] } };
      },
      { ...writer, subresource: "status", standsOn },
    )
    .catch(ifOvertaken);
}
