/** Which of a host's links containers' links stand on, where each host's has a name of its own. */

import { parseIp } from "../lib/ip.ts";
import { containsIp, parsePrefix } from "../lib/prefix.ts";
import { ConfigError } from "../model/config-error.ts";
import { hostNetns } from "../model/kernel-object.ts";
import {
  flag,
  ipPrefix,
  listOf,
  macAddress,
  object,
  optional,
  type Parser,
  withDefault,
} from "../model/parse.ts";
import type { HostFacts, HostLink } from "./driver.ts";

/** One way of these. */
export type ParentSelector =
  | { readonly macs: readonly string[] }
  /** It has an address in there. */
  | { readonly subnet: string }
  | { readonly defaultRoute: true };

const fields = object({
  macs: listOf(macAddress),
  subnet: optional(ipPrefix),
  defaultRoute: withDefault(flag, false),
});

export const parentSelector: Parser<ParentSelector> = (value, path) => {
  const { macs, subnet, defaultRoute } = fields(value, path);
  const ways: ParentSelector[] = [
    ...(macs.length > 0 ? [{ macs }] : []),
    ...(subnet === undefined ? [] : [{ subnet }]),
    ...(defaultRoute ? [{ defaultRoute }] : []),
  ];
  if (ways.length === 1) return ways[0]!;
  throw new ConfigError(path, 'takes one of "macs", "subnet" and "defaultRoute"');
};

/** The name of the one link that is meant. Throws ConfigError where none is, or several are. */
export function selectedParent(selector: ParentSelector, facts: HostFacts): string {
  if ("defaultRoute" in selector) {
    const name = facts.defaultLink(hostNetns);
    if (name !== undefined) return name;
    throw refusal("there is no default route on this host that would tell the link");
  }
  // Links of ours stand on the host's, and may have its addresses.
  const links = facts.links(hostNetns).filter(({ isOurs }) => !isOurs);
  const { what, found, tell } = search(selector, links);
  if (found.length === 1) return found[0]!.name;
  if (found.length > 1) {
    const names = found.map(({ name }) => `"${name}"`).join(", ");
    throw refusal(`several links of this host have ${what}: ${names}. Say it so that one is meant`);
  }
  const known = links.flatMap(tell).join(", ") || "none";
  throw refusal(`no link of this host has ${what}. There are: ${known}`);
}

const refusal = (what: string) => new ConfigError("parentSelector", what);

interface Search {
  readonly what: string;
  readonly found: readonly HostLink[];
  /** How a message shows a link; not at all where it could not be meant. */
  readonly tell: (link: HostLink) => string[];
}

function search(
  selector: Exclude<ParentSelector, { readonly defaultRoute: true }>,
  links: readonly HostLink[],
): Search {
  if ("macs" in selector) {
    const { macs } = selector;
    // What stands on it, or has it as a port, wears its hardware address.
    const own = links.filter(({ isStacked, mac }) => !isStacked && mac !== "");
    const free = own.filter(({ master }) => master === undefined);
    return {
      what:
        macs.length === 1
          ? `hardware address ${macs[0]}`
          : `one of ${macs.length} hardware addresses`,
      found: free.filter(({ mac }) => macs.includes(mac)),
      tell: (link) =>
        own.includes(link) ? [`"${link.name}" with ${link.mac}${portOf(link)}`] : [],
    };
  }
  const subnet = parsePrefix(selector.subnet);
  const isIn = (address: string) => containsIp(subnet, parseIp(address.split("/")[0]!));
  return {
    what: `an address in ${selector.subnet}`,
    found: links.filter(({ addresses }) => addresses.some(isIn)),
    tell: ({ name, addresses }) =>
      addresses.length > 0 ? [`"${name}" with ${addresses.join(" and ")}`] : [],
  };
}

const portOf = ({ master }: HostLink) => (master === undefined ? "" : ` (a port of "${master}")`);
