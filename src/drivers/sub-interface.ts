/** A trunk's link in one VLAN (802.1Q): made by its first user on the host, gone with its last. */
import { ConfigError } from "../model/config-error.ts";
import type { KernelObject, LinkPlace } from "../model/kernel-object.ts";
import { networkScope } from "../model/port.ts";
import type { HostFacts } from "./driver.ts";

/** A name of the kernel's has 15 bytes at most. */
const maxName = 15;

/** Which VLAN of which link. */
export interface SubInterfaceWish {
  /** On the host. */
  readonly trunk: LinkPlace;
  /** 1 to 4094. */
  readonly id: number;
}

/** The link in that VLAN. */
export interface SubInterface {
  readonly name: string;
  /** What is needed for it to be. `routes`: the host routes for what stands on it. */
  objects(network: string, options?: { readonly routes?: boolean }): readonly KernelObject[];
}

/**
 * The sub-interface that users of the VLAN share. One that somebody else made is taken, whatever
 * its name, and stays. Throws ConfigError where another link has the name that ours would have.
 */
export function subInterface(wish: SubInterfaceWish, facts: HostFacts): SubInterface {
  const { trunk, id } = wish;
  const found = facts.vlanLink(trunk, id);
  const link = { kind: "link", type: "vlan", parent: trunk, vlan: { id }, up: true } as const;
  const { netns } = trunk;
  if (found && !found.isOurs) {
    const { name } = found;
    return {
      name,
      objects: (network) => [
        { netns, scope: networkScope(network), life: "shared", ...link, name },
      ],
    };
  }
  const name = subInterfaceName(trunk.name, id);
  if (!found) refuseTaken(wish, name, facts);
  return {
    name,
    objects(network, { routes = false } = {}) {
      const counted = { netns, scope: networkScope(network), life: "counted" } as const;
      // The host is no member of a VLAN that only its containers were given.
      const settings = routes ? ["accept_ra=0"] : ["accept_ra=0", "disable_ipv6=1"];
      const sysctls = settings.map((setting): KernelObject => {
        const [key, value] = setting.split("=") as [string, string];
        const path = `net/ipv6/conf/${name}/${key}`;
        return { ...counted, kind: "sysctl", path, value, link: name };
      });
      const made = { ...counted, ...link, name, alias: facts.sharedAlias };
      return [made, ...(facts.ipv6 ? sysctls : [])];
    },
  };
}

/** Throws ConfigError where a link of that name is another than the trunk's in this VLAN. */
function refuseTaken({ trunk, id }: SubInterfaceWish, name: string, facts: HostFacts): void {
  if (!facts.link({ ...trunk, name })) return;
  throw new ConfigError(
    "vlan",
    `link "${name}" exists and is not VLAN ${id} of "${trunk.name}": rename or remove it ` +
      `(ip link show ${name})`,
  );
}

/**
 * `<trunk>.<id>`. Of a trunk with a longer name as much as fits stays, before four digits that tell
 * it from others that begin alike.
 */
export function subInterfaceName(trunk: string, id: number): string {
  const name = `${trunk}.${id}`;
  if (new TextEncoder().encode(name).length <= maxName) return name;
  const end = `${digest(trunk)}.${id}`;
  let start = trunk;
  while (new TextEncoder().encode(start + end).length > maxName) {
    start = [...start].slice(0, -1).join("");
  }
  return start + end;
}

/** Four hex digits: FNV-1a with 32 bits, folded. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return ((hash >>> 16) ^ (hash & 0xffff)).toString(16).padStart(4, "0");
}
