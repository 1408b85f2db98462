/** Why a parent takes no further link, in the user's words: who holds it, and what to do. */
import { ConfigError } from "../model/config-error.ts";
import type { ChildLink } from "../model/kernel-object.ts";
import type { HostFacts, LinkFacts } from "./driver.ts";
import type { Parent } from "./parent.ts";

/** A link that some container has on the parent. */
export interface Tenant {
  readonly link: ChildLink;
  readonly containerId: string;
}

/** What is known of the parent when the kernel has refused a link on it. */
export interface ParentState {
  readonly parent: LinkFacts | undefined;
  readonly tenants: readonly Tenant[];
}

const quoted = ({ link, containerId }: Tenant) =>
  `link "${link.name}" of container "${containerId}"`;

/** The reason, by the errno's name; undefined where it is not the parent's. */
export function whyRefused(
  link: ChildLink,
  code: string,
  { parent, tenants }: ParentState,
): string | undefined {
  const name = link.parent.name;
  const isWhole = ({ link: other }: Tenant) => other.macvlan?.mode === "passthru";
  const whole = tenants.find(isWhole);
  const wantsWhole = link.macvlan?.mode === "passthru";
  const stranger = tenants.find(({ link: other }) => other.type !== link.type);
  if (code === "EBUSY") {
    if (parent?.master !== undefined) {
      return `parent "${name}" is a port of "${parent.master}": name "${parent.master}" as the parent, or take "${name}" out of it`;
    }
    if (stranger && isSharing(stranger.link)) {
      return `parent "${name}" carries ${stranger.link.type} links (${quoted(stranger)}), and the two types never share a parent: take type ${stranger.link.type}, another parent, or detach those containers first`;
    }
    return `parent "${name}" carries links of another type, or is the port of a bridge, bond or team: take the type that it carries, or another parent`;
  }
  if (code === "EADDRINUSE") {
    return `parent "${name}" carries a link with the hardware address ${link.mac} already: take another "mac"`;
  }
  if (code !== "EINVAL" || link.type !== "macvlan") return undefined;
  if (whole) {
    return `parent "${name}" is held whole by ${quoted(whole)} in mode "passthru": detach that container first, or take another parent`;
  }
  if (wantsWhole && tenants[0]) {
    return `mode "passthru" takes parent "${name}" whole, and ${quoted(tenants[0])} is on it: detach that container first, or take another parent`;
  }
  return `parent "${name}" is no Ethernet link, or is held whole by a link in mode "passthru": take another parent`;
}

const isSharing = ({ type }: ChildLink) => type === "macvlan" || type === "ipvlan";

/** How many hardware addresses a network card is sure to take beside its own. */
export const usualMacs = 512;

/**
 * Beyond what it was made for a card hears everything, and switches forget. Gives a warning at the
 * usual limit; throws ConfigError at the one that the user set.
 */
export function crowding(
  { place }: Parent,
  maxMacs: number | undefined,
  facts: HostFacts,
): string | undefined {
  const count = facts.otherMacs(place);
  if (count < (maxMacs ?? usualMacs)) return undefined;
  const words = `parent "${place.name}" has ${count} hardware addresses of containers`;
  const remedy =
    "spread the containers over more parents, or take type ipvlan, whose links share their parent's";
  if (maxMacs !== undefined) {
    throw new ConfigError("maxMacs", `${words}, and ${maxMacs} are allowed: ${remedy}`);
  }
  return `${words}: many cards take no more than ${usualMacs} before they hear everything. Set "maxMacs" to what yours takes, ${remedy}`;
}
