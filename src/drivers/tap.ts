/** Containers with a tap: a link whose other end is a program, often a virtual machine. */
import { ConfigError } from "../model/config-error.ts";
import type { TunLink } from "../model/kernel-object.ts";
import {
  flag,
  integer,
  macAddress,
  object,
  optional,
  type Parsed,
  text,
  unlessEmpty,
  withDefault,
} from "../model/parse.ts";
import { attachmentScope, type Port } from "../model/port.ts";
import { linkAddresses, linkRoutes, linkSysctls } from "./container-side.ts";
import type { Driver, HostFacts } from "./driver.ts";
import { unguardedFields } from "./guard-config.ts";
import { linkName } from "./link-name.ts";
import { hostOf, mtu, refuseTooSmall } from "./mtu.ts";

/** The kernel's own for a tap. */
const defaultMtu = 1500;
/** All ones stands for none. */
const id = optional(integer(0, 0xfffffffe));

const { acceptRa: _, ...unguarded } = unguardedFields(
  "a program drives the link's other end, and what it passes on is its own: guard there, and " +
    "leave it out here",
);

const fields = object({
  owner: id,
  group: id,
  multiQueue: withDefault(flag, false),
  mac: unlessEmpty(macAddress),
  mtu,
  bridge: unlessEmpty(linkName),
  selinuxContext: unlessEmpty(text),
  ...unguarded,
});

/** Names are the reference's. `mtu` 0: 1500. */
export type TapConfig = Omit<Parsed<typeof fields>, "selinuxContext" | "raGuard" | "ipspoofchk">;

export const tap: Driver<TapConfig> = {
  networkType: "tap",
  enforcement: "netns",

  parse(input) {
    const { selinuxContext, raGuard: _, ipspoofchk: __, ...config } = fields(input, "");
    if (selinuxContext === undefined) return config;
    throw new ConfigError(
      "selinuxContext",
      `"${selinuxContext}" cannot be given: a tap has the context of the process that makes it. ` +
        "Leave it out, and start the runtime in that context",
    );
  },

  complete: (port) => port,

  network: () => [],

  port(port, config, facts) {
    const mtu = config.mtu === 0 ? defaultMtu : config.mtu;
    refuseTooSmall(port, { mtu }, facts);
    refuseOtherMaster(port, config, facts);
    return [
      { ...linkOf(port, config), mtu },
      ...linkSysctls(port, hostOf({ mtu }, facts), { dad: false }),
      ...linkAddresses(port, { dad: false }),
      ...linkRoutes(port),
    ];
  },

  links: (port) => [{ netns: port.netns, name: port.ifName }],

  gatewayLink: () => undefined,

  mac: ({ mac }) => mac,
};

function linkOf(port: Port, { owner, group, multiQueue, bridge }: TapConfig): TunLink {
  return {
    netns: port.netns,
    scope: attachmentScope(port.id),
    life: "exclusive",
    kind: "link",
    type: "tun",
    name: port.ifName,
    mac: port.mac,
    ...(bridge !== undefined && { master: bridge }),
    alias: port.alias,
    up: true,
    tun: {
      type: "tap",
      ...(owner !== undefined && { owner }),
      ...(group !== undefined && { group }),
      multiQueue,
    },
  };
}

/** The bridge is beside the tap in the container's namespace. */
function refuseOtherMaster({ netns }: Port, { bridge }: TapConfig, facts: HostFacts): void {
  if (bridge === undefined) return;
  const found = facts.link({ netns, name: bridge });
  if (found?.kind === "bridge") return;
  const what = found ? `link "${bridge}" is of another kind` : `there is no link "${bridge}"`;
  throw new ConfigError(
    "bridge",
    `${what} in the container's namespace ${netns}: make the bridge there first, or name another`,
  );
}
