/** Networks that span hosts: their VXLAN identifiers, and what passes between all their hosts. */
import { labelsOfHost } from "../../api/kinds/host.ts";
import type { Host, Network } from "../../api/kinds/index.ts";
import { hasVni, mtuWithin, spansHosts } from "../../model/encapsulation.ts";
import { type Selector, selects } from "../../model/selector.ts";
import { withCondition } from "./condition.ts";
import {
  find,
  kindOf,
  nameOf,
  type ReconcileContext,
  type Reconciler,
  type Touch,
  writeStatus,
} from "./reconciler.ts";
import { claimVni, freeVnis } from "./vnis.ts";

/** Of networks when no host has told of its own yet: that of Ethernet. */
const usualMtu = 1500;
const hostsChanged = "*hosts";
/** There may be identifiers that no network has any more. */
const vniOver = "*over";

export const segments: Reconciler = {
  name: "segments",
  pauseMs: 100,
  touched: (touch: Touch) => {
    const { plural, object, previous } = touch;
    if (plural === "hosts") return isNews(touch) ? [hostsChanged] : [];
    if (plural !== "networks") return [];
    if (!object) return [vniOver];
    // One may have gone, or changed, while nobody looked.
    const isOver = !previous || (hasVni(previous.spec) && !hasVni(object.spec));
    return isOver ? [nameOf(object), vniOver] : [nameOf(object)];
  },
  async run(context, what) {
    if (what === vniOver) await freeVnis(context);
    else if (what === hostsChanged) await followHosts(context);
    else {
      const network = await find<Network>(context, "Network", what);
      if (network && spansHosts(network.spec))
        await settle(context, network, await hostsOf(context));
    }
    return undefined;
  },
};

/** What a network's MTU follows from; heartbeats are none of it. */
function isNews({ object, previous }: Touch): boolean {
  const parts = (host: Touch["object"]) =>
    host && [host.metadata.labels, (host as Host).status?.underlay];
  return JSON.stringify(parts(object)) !== JSON.stringify(parts(previous));
}

const hostsOf = async ({ objects }: ReconcileContext): Promise<readonly Host[]> =>
  (await objects.list(kindOf("Host"))).items as unknown as Host[];

async function followHosts(context: ReconcileContext): Promise<void> {
  const hosts = await hostsOf(context);
  const { items } = await context.objects.list(kindOf("Network"));
  for (const network of items as unknown as Network[]) {
    if (spansHosts(network.spec)) await settle(context, network, hosts);
  }
}

/** What fits on a host. */
interface Fit {
  readonly host: string;
  readonly bytes: number;
}

/** The least that fits on any of the network's hosts; undefined: none has told of its own. */
export function leastFit({ spec }: Pick<Network, "spec">, hosts: readonly Host[]): Fit | undefined {
  const isWide = spec.underlayProtocol === "ipv6";
  const fits = hosts.flatMap(({ metadata, status }): Fit[] => {
    const { name, labels } = metadata;
    if (spec.hosts && !selects(spec.hosts as Selector, labelsOfHost(name, labels))) return [];
    const own = status?.underlay?.find(({ address }) => address.includes(":") === isWide);
    return own ? [{ host: name, bytes: mtuWithin(spec, own.mtu) }] : [];
  });
  return fits.sort((a, b) => a.bytes - b.bytes)[0];
}

async function settle(
  context: ReconcileContext,
  network: Network,
  hosts: readonly Host[],
): Promise<void> {
  const vni = hasVni(network.spec) ? await claimVni(context, network) : undefined;
  const least = leastFit(network, hosts);
  const mtu = network.spec.mtu || (least?.bytes ?? mtuWithin(network.spec, usualMtu));
  await writeStatus(context, network, ({ metadata, spec, status }) => {
    const at = { now: context.objects.now(), generation: metadata.generation };
    const isTold = status?.conditions?.some(({ type }: { type: string }) => type === "MtuFits");
    const fits = fitOf(spec.mtu, least);
    const conditions =
      fits.status === "True" && !isTold
        ? status?.conditions
        : withCondition(status?.conditions, fits, at);
    const { vni: _, ...rest } = status ?? {};
    return { ...rest, ...(vni !== undefined && { vni }), mtu, ...(conditions && { conditions }) };
  });
}

function fitOf(asked: number, least: Fit | undefined) {
  if (least === undefined || asked <= least.bytes) {
    const message = "Packets of that size pass between all hosts";
    return { type: "MtuFits", status: "True", reason: "Fits", message } as const;
  }
  const message =
    `${asked} bytes don't fit on host "${least.host}", whose underlay leaves ${least.bytes}: ` +
    "leave spec.mtu out, or take a smaller one";
  return { type: "MtuFits", status: "False", reason: "TooLarge", message } as const;
}
