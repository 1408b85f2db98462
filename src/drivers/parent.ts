/** The link that containers' links stand on: which one it is, and what it allows. */
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject, type LinkPlace } from "../model/kernel-object.ts";
import { flag, integer, optional, type Parsed, unlessEmpty, withDefault } from "../model/parse.ts";
import type { HostFacts, LinkFacts } from "./driver.ts";
import { linkName } from "./link-name.ts";
import { type ParentSelector, parentSelector, selectedParent } from "./parent-selector.ts";
import { subInterface } from "./sub-interface.ts";

/** `master` is the reference's word. */
export const parentFields = {
  master: unlessEmpty(linkName),
  parent: unlessEmpty(linkName),
  /** In the place of a name: how each host's is found. */
  parentSelector: optional(parentSelector),
  /** The parent is in the container's namespace. */
  linkInContainer: withDefault(flag, false),
  vlan: withDefault(integer(0, 4094), 0),
} as const;

type ParentFields = { readonly [K in keyof typeof parentFields]: Parsed<(typeof parentFields)[K]> };

export interface ParentConfig {
  /** Absent, and no selector either: the link of the default route. */
  readonly parent?: string;
  readonly parentSelector?: ParentSelector;
  readonly linkInContainer: boolean;
  /** The VLAN of the parent that is meant; 0: the parent itself. */
  readonly vlan: number;
}

/** The parent by either word. Throws ConfigError where they differ. */
export function parentConfig(fields: ParentFields): ParentConfig {
  const { master, parent, parentSelector: selector, linkInContainer, vlan } = fields;
  if (master !== undefined && parent !== undefined && master !== parent) {
    throw new ConfigError(
      "parent",
      `is "${parent}", but "master" is "${master}": leave one of them out`,
    );
  }
  if (linkInContainer && vlan !== 0) {
    throw new ConfigError(
      "vlan",
      'does not go with "linkInContainer": attach by the plugin "vlan" first, and name its link',
    );
  }
  const name = parent ?? master;
  if (selector === undefined) {
    return { ...(name === undefined ? {} : { parent: name }), linkInContainer, vlan };
  }
  if (name !== undefined) {
    throw new ConfigError("parentSelector", `does not go with the parent "${name}": leave one out`);
  }
  if (linkInContainer) {
    const what = 'looks among links of the host, and does not go with "linkInContainer"';
    throw new ConfigError("parentSelector", `${what}: name the parent`);
  }
  return { parentSelector: selector, linkInContainer, vlan };
}

/** A parent that is there; of a VLAN that is not yet there, its trunk under its name. */
export interface Parent extends LinkFacts {
  readonly place: LinkPlace;
}

function nameOf(
  { parent, parentSelector: selector }: ParentConfig,
  home: string,
  facts: HostFacts,
) {
  if (parent !== undefined) return parent;
  return selector ? selectedParent(selector, facts) : facts.defaultLink(home);
}

/** The parent of links in the namespace at `netns`. Throws ConfigError where there is none. */
export function parentOf(netns: string, config: ParentConfig, facts: HostFacts): Parent {
  const home = config.linkInContainer ? netns : hostNetns;
  const where = config.linkInContainer ? `in the container's namespace ${netns}` : "on this host";
  const name = nameOf(config, home, facts);
  if (name === undefined) {
    throw new ConfigError(
      "master",
      `is missing, and there is no default route ${where} that would tell it: name the parent link`,
    );
  }
  const place = { netns: home, name };
  const found = facts.link(place);
  if (!found) {
    throw new ConfigError("master", `there is no link "${name}" ${where}: name one that exists`);
  }
  if (config.vlan === 0) return { ...found, place };
  const own = { netns: home, name: subInterface({ trunk: place, id: config.vlan }, facts).name };
  return { ...(facts.link(own) ?? found), place: own };
}

/**
 * What the ports of a network in a VLAN share on this host: its sub-interface. `routes`: the host
 * itself routes for them. Throws ConfigError where there is no such parent.
 */
export function sharedParent(
  config: ParentConfig,
  network: string,
  facts: HostFacts,
  { routes = false } = {},
): KernelObject[] {
  if (config.vlan === 0) return [];
  const { place, up } = parentOf(hostNetns, { ...config, vlan: 0 }, facts);
  refuseDown(place.name, up);
  return [...subInterface({ trunk: place, id: config.vlan }, facts).objects(network, { routes })];
}

/** The kernel refuses to set up a VLAN of it, without saying why. */
export function refuseDown(name: string, up: boolean): void {
  if (up) return;
  throw new ConfigError(
    "master",
    `"${name}" is down, and with it its VLANs: set it up (ip link set ${name} up)`,
  );
}

/** The MTU in bytes of a link on the parent; 0: as the parent's. Throws ConfigError. */
export function childMtu(config: { readonly mtu: number }, parent: Parent): number {
  if (config.mtu === 0) return parent.mtu;
  if (config.mtu <= parent.mtu) return config.mtu;
  const { name } = parent.place;
  throw new ConfigError(
    "mtu",
    `${config.mtu} is more than the ${parent.mtu} of the parent "${name}": take that or less, or raise the parent's`,
  );
}
