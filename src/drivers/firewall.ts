/** Who may reach a container through the host, and that others' firewalls let its packets pass. */
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type KernelObject, type NftValue } from "../model/kernel-object.ts";
import { attachmentScope, networkScope } from "../model/port.ts";
import { familyOf } from "./container-side.ts";
import type { AttachedPort, Extra } from "./extra.ts";
import { type FirewallConfig, firewallKeys, parseFirewallConfig } from "./firewall-config.ts";
import { bridgeTable, inetTable } from "./skeleton.ts";

export const firewall: Extra<FirewallConfig> = {
  name: "firewall",
  keys: firewallKeys,
  parse: parseFirewallConfig,

  objects(port, config, facts) {
    const links = linksOf(port);
    if (links.length === 0 && config.policy !== "open") {
      throw new ConfigError(
        "ingressPolicy",
        `"${config.policy}" is about traffic through the host, and "${port.ifName}" has no link there: ` +
          'use it with "bridge" or "ptp", or leave it "open"',
      );
    }
    const families = new Set(port.ips.map(({ address }) => familyOf(address)));
    const inTheWay = links.length === 0 ? [] : facts.foreignForward([...families]);
    return [
      ...links.flatMap((link) => isolation(port, link, config)),
      ...links.flatMap((link) => administered(port, link, config)),
      ...(inTheWay.length > 0
        ? links.map((link) => element(port, "forwarded", [link], { life: "shared" }))
        : []),
      ...inTheWay.map((family) => acceptance(port, family)),
    ];
  },
};

/** The host's links that the container's packets come in by: its bridge, or its own. */
function linksOf({ bridge, hostLink, via }: AttachedPort): string[] {
  const first = bridge ?? hostLink;
  if (first === undefined) return [];
  // A bridge that filters VLANs has its gateway on a leg of its own name and the VLAN's.
  const legs = [via[4], via[6]].filter((link) => link?.startsWith(`${first}.`));
  return [...new Set([first, ...legs.map(String)])];
}

interface Manner {
  readonly data?: { readonly jump: string };
  /** Of an element that ports of a bridge share. */
  readonly life?: "shared" | "counted";
}

/** Of a link that is the port's own it goes with the port; of a bridge with its last port. */
function element(
  port: AttachedPort,
  set: string,
  names: readonly string[],
  { life = "counted", ...more }: Manner = {},
): KernelObject {
  const key = names.map((ifname): NftValue => ({ ifname }));
  const what = { ...inetTable, netns: hostNetns, kind: "nft-element", set, key, ...more } as const;
  return names[0] === port.hostLink
    ? { ...what, scope: attachmentScope(port.id), life: "exclusive", comment: port.alias }
    : { ...what, scope: networkScope(port.network), life };
}

function isolation(port: AttachedPort, link: string, { policy }: FirewallConfig): KernelObject[] {
  if (policy === "open") return [];
  const isolating = element(port, "isolating", [link]);
  if (policy === "same-bridge") return [isolating, element(port, "same_bridge", [link, link])];
  return [isolating, element(port, "isolated", [link]), ...aloneOnBridge(port)];
}

/** Between ports of one bridge packets pass no hook but the bridge's own. */
function aloneOnBridge({ id, alias, bridge, hostLink }: AttachedPort): KernelObject[] {
  if (bridge === undefined || hostLink === undefined) return [];
  return [
    {
      ...{ ...bridgeTable, netns: hostNetns, kind: "nft-element", set: "isolated_ports" },
      ...{ key: [{ ifname: hostLink }], comment: alias },
      ...{ scope: attachmentScope(id), life: "exclusive" },
    },
  ];
}

/** The network's own chain of the administrator; the one that all share is in the skeleton. */
function administered(
  port: AttachedPort,
  link: string,
  { adminChain }: FirewallConfig,
): KernelObject[] {
  if (adminChain === undefined) return [];
  const shared = { netns: hostNetns, scope: networkScope(port.network), life: "shared" } as const;
  return [
    { ...shared, ...inetTable, kind: "nft-chain", chain: adminChain, rules: [], kept: true },
    element(port, "admin", [link], { data: { jump: adminChain } }),
  ];
}

function acceptance(port: AttachedPort, family: 4 | 6): KernelObject {
  const scope = networkScope(port.network);
  return { kind: "foreign-accept", netns: hostNetns, scope, life: "shared", family };
}
