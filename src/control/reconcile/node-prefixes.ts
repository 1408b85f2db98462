/** Subnets that are cut by host: each host of the network gets a prefix for its own. */
import type { Host, Subnet } from "../../api/kinds/index.ts";
import type { ApiObject } from "../../api/object.ts";
import { ifAbsent } from "../../api/status-error.ts";
import { formatPrefix } from "../../lib/prefix.ts";
import { blocksOf, isOfHost, networkOf, prefixesLeft, prefixesOf } from "./blocks.ts";
import { type Told, withCondition } from "./condition.ts";
import {
  kindOf,
  nameOf,
  type ReconcileContext,
  type Reconciler,
  writer,
  writeStatus,
} from "./reconciler.ts";

type PrefixesOfHost = NonNullable<Host["spec"]["prefixes"]>;

/** Of hosts, and of the subnets: whether each host has the prefix that it is to have. */
const type = "PrefixesAssigned";

/** Changes which prefixes a host has. Throws ApiError (Invalid) where they are another's. */
export async function changePrefixes(
  { objects }: ReconcileContext,
  name: string,
  change: (prefixes: PrefixesOfHost) => PrefixesOfHost,
): Promise<void> {
  const changed = (live: ApiObject): ApiObject => {
    const { prefixes: before = [], ...spec } = (live as Host).spec;
    const prefixes = change(before);
    const sent = { ...live, spec: { ...spec, ...(prefixes.length > 0 && { prefixes }) } };
    return objects.changed(kindOf("Host"), live, { sent });
  };
  await objects.update(kindOf("Host"), { name }, changed, writer).catch(ifAbsent);
}

/** All but those of a subnet, `namespace/name`. */
export const without = (subnet: string) => (prefixes: PrefixesOfHost) =>
  prefixes.filter((each) => each.subnet !== subnet);

/** Hosts that have none yet get the next free one. */
export const nodePrefixes: Reconciler = {
  name: "node-prefixes",
  pauseMs: 500,
  touched: ({ plural, object, previous }) => {
    const isSame = (look: (one: any) => unknown) => Bun.deepEquals(look(object), look(previous));
    const isSettled = isSame((one) => [one?.spec, one?.metadata.deletionTimestamp]);
    if (plural === "networks") return isSame((one) => one?.spec.hosts) ? [] : ["hosts"];
    if (plural === "hosts") {
      return isSettled && isSame((one) => one?.metadata.labels) ? [] : ["hosts"];
    }
    const isCut = (one: ApiObject | undefined) => (one as Subnet)?.spec.nodePrefixLength;
    const isMeant = plural === "subnets" && (isCut(object) || isCut(previous));
    return isMeant && !isSettled ? ["subnets"] : [];
  },
  async run(context, what) {
    const all = (await context.objects.list(kindOf("Subnet"))).items as Subnet[];
    const cut = all.filter(
      ({ metadata, spec }) => spec.nodePrefixLength !== undefined && !metadata.deletionTimestamp,
    );
    // Only where a subnet was cut before may hosts tell of what is over.
    if (cut.length === 0 && what === "hosts") return undefined;
    const hosts = (await context.objects.list(kindOf("Host"))).items as Host[];
    const lacks = new Map<string, string[]>();
    for (const subnet of cut) {
      const left = await assign(context, subnet, hosts);
      for (const host of left) lacks.set(host, [...(lacks.get(host) ?? []), nameOf(subnet)]);
      await tell(context, subnet, toldOfSubnet(subnet, left));
    }
    for (const subnet of all) if (!cut.includes(subnet)) await tell(context, subnet, undefined);
    const isAnyCut = cut.length > 0;
    for (const host of hosts) {
      const subnets = lacks.get(host.metadata.name);
      const isTold = host.status?.conditions?.some((one) => one.type === type);
      if (subnets || isTold) await tell(context, host, isAnyCut ? toldOfHost(subnets) : undefined);
    }
    return undefined;
  },
};

/** Gives the names of hosts for which none is left. */
async function assign(
  context: ReconcileContext,
  subnet: Subnet,
  hosts: readonly Host[],
): Promise<string[]> {
  const [prefixes, blocks] = [await prefixesOf(context, subnet), await blocksOf(context, subnet)];
  const network = await networkOf(context, subnet);
  const served = new Set(prefixes.map(({ host }) => host));
  const left = prefixesLeft(subnet, { prefixes, blocks });
  const lacking: string[] = [];
  for (const host of hosts) {
    const { name, deletionTimestamp } = host.metadata;
    if (deletionTimestamp || served.has(name) || !isOfHost(host, network)) continue;
    const { value } = left.next();
    if (!value) lacking.push(name);
    else {
      const own = { subnet: nameOf(subnet), cidr: formatPrefix(value) };
      await changePrefixes(context, name, (others) => [...others, own]);
    }
  }
  return lacking;
}

/** So many are named. */
const named = 3;

function toldOfSubnet({ spec }: Subnet, lacking: readonly string[]): Told {
  if (lacking.length === 0) {
    const message = "Each host of the network has a prefix of it";
    return { type, status: "True", reason: "Assigned", message };
  }
  const rest = lacking.length > named ? ` and ${lacking.length - named} more` : "";
  const hosts = lacking.slice(0, named).map((host) => `"${host}"`);
  const message =
    `No /${spec.nodePrefixLength} is left for ${hosts.join(", ")}${rest}: set a longer ` +
    "nodePrefixLength, take prefixes from hosts, or add a subnet to the network";
  return { type, status: "False", reason: "Exhausted", message };
}

function toldOfHost(subnets: readonly string[] | undefined): Told {
  if (!subnets) {
    const message = "It has a prefix of each subnet that is cut by host";
    return { type, status: "True", reason: "Assigned", message };
  }
  const message =
    `No prefix is left for it in ${subnets.map((name) => `subnet "${name}"`).join(", ")}: its ports ` +
    "get addresses of blocks beside all hosts' prefixes, while there are such";
  return { type, status: "False", reason: "Exhausted", message };
}

/** Undefined: there is nothing to be told of. */
async function tell(
  context: ReconcileContext,
  object: Host | Subnet,
  told: Told | undefined,
): Promise<void> {
  const before = object.status?.conditions ?? [];
  if (!told && before.every((one) => one.type !== type)) return;
  await writeStatus(context, object, ({ metadata, status }) => {
    const now = { now: context.objects.now(), generation: metadata.generation };
    const known: NonNullable<typeof object.status>["conditions"] = status?.conditions ?? [];
    const others = known!.filter((one) => one.type !== type);
    return { ...status, conditions: told ? withCondition(known, told, now) : others };
  });
}
