/** Ports of a bridge for who is no container: virtual machines, and machines behind a link. */
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject } from "../model/kernel-object.ts";
import { attachmentScope, networkScope, type Port } from "../model/port.ts";
import { namedAdvertGuard } from "./advert-guard.ts";
import { bridge } from "./bridge.ts";
import type { BridgeConfig } from "./bridge-config.ts";
import type { Driver, HostFacts } from "./driver.ts";

/** What the guest is behind. */
export type GuestPlace =
  | {
      /** A tap that the virtual machine opens. */
      readonly kind: "tap";
      readonly owner?: number;
      readonly group?: number;
      readonly multiQueue: boolean;
    }
  /** A link of the host, which is a port of the bridge for as long. */
  | { readonly kind: "device"; readonly name: string };

/** Where nothing of ours is: the guest itself. */
const guest = "guest";

/**
 * The bridge with ports whose host's end is a tap named `ifName`, or a device: guarded, routed and
 * published as a container's, and what is inside is the guest's own affair. `isAttached`: a device
 * is a port of the bridge already, by us.
 */
export function guestOnBridge(
  place: GuestPlace,
  { isAttached = false } = {},
): Driver<BridgeConfig> {
  const nameOf = ({ ifName }: Port) => (place.kind === "device" ? place.name : ifName);
  return {
    ...bridge,

    port(port, config, facts) {
      if (place.kind === "device" && !isAttached) refuseUnusable(place.name, facts);
      const outside = { ...port, netns: guest, hostLink: nameOf(port) };
      return [...bridge.port(outside, config, facts), ...namedAdvertGuard(outside, config)]
        .filter(({ netns }) => netns !== guest)
        .flatMap((object) => (isPair(object, nameOf(port)) ? ends(port, object, place) : [object]));
    },

    links: (port, config) => [
      { netns: hostNetns, name: config.bridge },
      { netns: hostNetns, name: nameOf(port) },
    ],
  };
}

/** Throws ConfigError where there is no such link, or somebody else uses it. */
function refuseUnusable(name: string, facts: HostFacts): void {
  const found = facts.link({ netns: hostNetns, name });
  if (!found) {
    throw new ConfigError(
      "device",
      `there is no link "${name}" on this host: name one that exists`,
    );
  }
  if (found.master === undefined) return;
  throw new ConfigError(
    "device",
    `link "${name}" is enslaved to "${found.master}" already: take it out (ip link set ${name} nomaster)`,
  );
}

type Pair = Extract<KernelObject, { kind: "link"; type: "veth" }>;

const isPair = (object: KernelObject, name: string): object is Pair =>
  object.kind === "link" && object.type === "veth" && object.name === name;

function ends(port: Port, pair: Pair, place: GuestPlace): KernelObject[] {
  const { kind: _, ...tun } = { ...place };
  const { name, mac, mtu, alias, master, bridgePort } = pair;
  const own = { netns: hostNetns, scope: attachmentScope(port.id), life: "exclusive" } as const;
  if (place.kind === "tap") {
    const tap = { type: "tap", ...tun } as { type: "tap"; multiQueue: boolean };
    const link = {
      ...{ name, mac, mtu, alias, master },
      up: true,
      ...(bridgePort && { bridgePort }),
    };
    return [{ ...own, kind: "link", type: "tun", ...link, tun: tap }];
  }
  const shared = { netns: hostNetns, scope: networkScope(port.network), life: "shared" } as const;
  return [
    { ...shared, kind: "link", type: "existing", name, up: true },
    {
      ...own,
      kind: "link-settings",
      link: name,
      settings: { master: master! },
      before: { master: "" },
    },
  ];
}
