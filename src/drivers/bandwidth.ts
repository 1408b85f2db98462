/** Limits how fast a container's link sends and receives, on the host's side of it. */
import { ConfigError } from "../model/config-error.ts";
import {
  type FilterObject,
  hostNetns,
  type KernelObject,
  type QdiscObject,
} from "../model/kernel-object.ts";
import { attachmentScope } from "../model/port.ts";
import {
  type BandwidthConfig,
  bandwidthKeys,
  parseBandwidthConfig,
  type Rate,
} from "./bandwidth-config.ts";
import type { HostFacts } from "./driver.ts";
import type { AttachedPort, Extra } from "./extra.ts";
import { ifbNames } from "./ifb-name.ts";

/** Packets wait so long at most, and so does the reference let them. */
const latencySeconds = 0.025;
const maxU32 = 0xffffffff;

const handle = "108:";
const unshaped = { handle: "108:1", minor: 1 };
const shaped = { handle: "108:2", minor: 2 };
/** 100 Gbit/s: the classes tell packets apart, and limit nothing. */
const boundless = { rateBytes: 12_500_000_000, burstBytes: 0x10000 };
/** A queue that such a link never fills. */
const long = { type: "bfifo", limitBytes: 0x400000 } as const;

export const bandwidth: Extra<BandwidthConfig> = {
  name: "bandwidth",
  keys: bandwidthKeys,
  parse: parseBandwidthConfig,

  objects(port, config, facts) {
    const link = requireHostLink(port);
    const owned = { netns: hostNetns, scope: attachmentScope(port.id), life: "exclusive" } as const;
    const objects: KernelObject[] = [];
    if (config.ingress) {
      objects.push(...limit({ ...owned, link }, config.ingress, subnetsAt("src", config)));
    }
    if (!config.egress) return objects;
    // The kernel limits what a link sends only: what comes in is sent once more, by an ifb.
    const ifb = ifbName(port, facts);
    const mtu = port.hostMtu ?? facts.link({ netns: hostNetns, name: link })?.mtu;
    objects.push(
      {
        ...{ ...owned, kind: "link", type: "ifb", name: ifb, alias: port.alias, up: true },
        mac: facts.macOf(`ifb ${port.id}`),
        mtu,
      },
      ...limit({ ...owned, link: ifb }, config.egress, subnetsAt("dst", config)),
      { ...owned, kind: "qdisc", type: "ingress", link, parent: "ingress", handle: "ffff:" },
      {
        ...{ ...owned, kind: "filter", link, parent: "ffff:", priority: 1 },
        ...{ protocol: "all", match: "all", redirect: ifb },
      },
    );
    return objects;
  },
};

function requireHostLink({ hostLink, ifName }: AttachedPort): string {
  if (hostLink !== undefined) return hostLink;
  throw new ConfigError(
    "",
    `"bandwidth" needs the host's end of a veth pair, and "${ifName}" has none there: ` +
      'use it with "bridge" or "ptp", or limit the port of the switch',
  );
}

function ifbName(port: AttachedPort, { instance, sha512, link }: HostFacts): string {
  const [first, second] = ifbNames(instance, port, sha512);
  return link({ netns: hostNetns, name: first }) === undefined ? first : second;
}

/** Which addresses are told apart, and by which field of a packet. */
interface Subnets {
  readonly field: "src" | "dst";
  readonly shaped: boolean;
  readonly prefixes: readonly string[];
}

function subnetsAt(field: "src" | "dst", { subnets }: BandwidthConfig): Subnets | undefined {
  return subnets && { field, ...subnets };
}

type Owned = Pick<QdiscObject, "netns" | "scope" | "life" | "link">;

/** Limits what the link sends: all of it, or by the other side's address. */
function limit(owned: Owned, { rateBytes, burstBytes }: Rate, subnets?: Subnets): KernelObject[] {
  const limitBytes = Math.min(Math.floor(rateBytes * latencySeconds) + burstBytes, maxU32);
  const bucket = { rateBytes, burstBytes, limitBytes };
  const root = { ...owned, kind: "qdisc", parent: "root", handle } as const;
  if (!subnets) return [{ ...root, type: "tbf", ...bucket }];
  const named = subnets.shaped ? shaped : unshaped;
  const others = subnets.shaped ? unshaped : shaped;
  return [
    {
      ...root,
      type: "htb",
      defaultClass: others.minor,
      classes: [
        { handle: unshaped.handle, ...boundless, queue: long },
        // Its own rate would hold back a large packet whole; a bucket cuts it up.
        { handle: shaped.handle, ...boundless, queue: { type: "tbf", ...bucket } },
      ],
    },
    ...subnets.prefixes.map(
      (prefix, i): FilterObject => ({
        ...owned,
        kind: "filter",
        parent: handle,
        priority: i + 1,
        protocol: prefix.includes(":") ? "ipv6" : "ip",
        match: { field: subnets.field, prefix },
        classId: named.handle,
      }),
    ),
  ];
}
