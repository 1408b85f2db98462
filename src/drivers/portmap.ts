/** Published ports: connections to the host's port reach the container's. */
import { parseIp } from "../lib/ip.ts";
import { hostNetns, type KernelObject, type NftValue } from "../model/kernel-object.ts";
import { attachmentScope, type PortIp } from "../model/port.ts";
import { familyOf, hostPart } from "./container-side.ts";
import { inetTable } from "./skeleton.ts";

/** IANA protocol numbers of what can be published. */
export const publishable = { tcp: 6, udp: 17, sctp: 132 } as const;

/** One published port, or `range` of them in a row. */
export interface PortMapping {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: keyof typeof publishable;
  /** The host's address to listen on; absent or unspecified: every local one. */
  readonly hostIP?: string;
  /** How many ports in a row, on both sides; 1 if absent. */
  readonly range?: number;
}

/** Whose ports are published and how. */
export interface Publication {
  readonly id: string;
  readonly alias: string;
  readonly ips: readonly PortIp[];
  /** The host's link on which the container's address is reached, by family. */
  readonly via: { readonly 4?: string; readonly 6?: string };
  readonly mappings: readonly PortMapping[];
  /** Connections from the container's own network, and from 127.0.0.1, come back right. */
  readonly snat: boolean;
  /** False: its own connections to its published ports don't come back to it. */
  readonly hairpin?: boolean;
  /** Every published connection gets the host's source address. */
  readonly masqAll: boolean;
}

const addressValue = (address: string): NftValue =>
  familyOf(address) === 4 ? { ipv4: address } : { ipv6: address };

const isUnspecified = (hostIP: string | undefined) =>
  hostIP === undefined || hostIP === "" || parseIp(hostIP).value === 0n;

/** What publishing needs. Two containers that publish the same port have elements with one key. */
export function portmapObjects(publication: Publication): KernelObject[] {
  return publication.ips.flatMap((ip) => {
    const target = hostPart(ip.address);
    const family = familyOf(ip.address);
    const mappings = publication.mappings.filter((mapping) => serves(mapping, family));
    if (mappings.length === 0) return [];
    return [
      ...mappings.flatMap((mapping) => translations(publication, mapping, target)),
      ...returnPaths(publication, target, family),
    ];
  });
}

/** A mapping without host address, or with `0.0.0.0` or `::`, serves its own family or both. */
function serves(mapping: PortMapping, family: 4 | 6): boolean {
  return !mapping.hostIP || parseIp(mapping.hostIP).family === family;
}

function element(publication: Publication, set: string, key: readonly NftValue[]) {
  return {
    netns: hostNetns,
    scope: attachmentScope(publication.id),
    life: "exclusive",
    ...inetTable,
    kind: "nft-element",
    set,
    key,
    comment: publication.alias,
  } as const;
}

function translations(
  publication: Publication,
  mapping: PortMapping,
  target: string,
): KernelObject[] {
  const family = familyOf(target);
  const anywhere = isUnspecified(mapping.hostIP);
  const set = `publish${family}${anywhere ? "" : "_at"}`;
  const at = anywhere ? [] : [addressValue(mapping.hostIP!)];
  return Array.from({ length: mapping.range ?? 1 }, (_, i) => ({
    ...element(publication, set, [
      ...at,
      { proto: publishable[mapping.protocol] },
      { l4Port: mapping.hostPort + i },
    ]),
    data: { values: [addressValue(target), { l4Port: mapping.containerPort + i }] },
  }));
}

/** Elements and sysctls that make answers come back through the translation. */
function returnPaths(publication: Publication, target: string, family: 4 | 6): KernelObject[] {
  const via = publication.via[family];
  const objects: KernelObject[] = [];
  if (publication.masqAll) {
    objects.push(element(publication, `masquerade_all${family}`, [addressValue(target)]));
  }
  if (publication.hairpin === false) {
    const itself = addressValue(target);
    objects.push(element(publication, `unreflected${family}`, [itself, itself]));
  }
  if (!publication.snat || via === undefined) return objects;
  const link = { ifname: via };
  objects.push(element(publication, `hairpin${family}`, [link, link, addressValue(target)]));
  if (family === 6) return objects;
  const shared = { life: "shared", scope: `link:${via}` } as const;
  objects.push(element(publication, "localnet_targets", [addressValue(target)]), {
    ...shared,
    netns: hostNetns,
    kind: "sysctl",
    path: `net/ipv4/conf/${via}/route_localnet`,
    value: "1",
    link: via,
  });
  return objects;
}
