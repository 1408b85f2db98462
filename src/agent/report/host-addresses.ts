/** Addresses that other hosts reach this one by. */
import type { Engine } from "../../engine/engine.ts";
import { KernelFacts } from "../../engine/host-facts.ts";
import type { ResidentEngine } from "../../engine/resident.ts";
import { type AddressInfo, listAddresses } from "../../kernel/netlink/address.ts";
import { type LinkInfo, listLinks } from "../../kernel/netlink/link-info.ts";
import { linkFlag } from "../../kernel/netlink/link-table.ts";
import { canonicalIp } from "../../lib/ip.ts";
import { hostNetns } from "../../model/kernel-object.ts";

export interface Underlay {
  /** Without prefix length. */
  readonly address: string;
  /** Of its link's subnet. */
  readonly prefixLength: number;
  /** Of its link, in bytes. */
  readonly mtu: number;
}

export interface HostAddresses {
  /** Without prefix lengths. */
  readonly addresses: readonly string[];
  /** The first of each family. */
  readonly underlay: readonly Underlay[];
  /** Of those that somebody named, those that the host does not have. */
  readonly missing: readonly string[];
}

/**
 * Those that its Host names; without any those of the link that its default route uses, or none.
 * Throws NetlinkError.
 */
export function hostAddresses(
  engine: ResidentEngine,
  named: readonly string[] = [],
): Promise<HostAddresses> {
  return engine.run((opened) => {
    const found = named.length > 0 ? ofNames(opened, named) : ofDefaultRoute(opened);
    const families = new Map<boolean, Underlay>();
    for (const one of found) {
      const isWide = one.address.includes(":");
      if (!families.has(isWide)) families.set(isWide, one);
    }
    const addresses = found.map(({ address }) => address);
    const missing = named.filter((address) => !addresses.includes(canonicalIp(address)));
    return { addresses, underlay: [...families.values()], missing };
  });
}

function ofDefaultRoute(engine: Engine): Underlay[] {
  const facts = new KernelFacts(engine);
  const name = facts.defaultLink(hostNetns);
  const link = name === undefined ? undefined : facts.link({ netns: hostNetns, name });
  if (name === undefined || !link) return [];
  return facts
    .addresses({ netns: hostNetns, name })
    .map((address) => underlayOf(address, link.mtu))
    .filter(({ address }) => !address.startsWith("fe80:"));
}

/** In the order in which they are named. */
function ofNames(engine: Engine, named: readonly string[]): Underlay[] {
  const { socket } = engine.session.namespace(hostNetns);
  const links = new Map(listLinks(socket).map((link) => [link.index, link]));
  const known = listAddresses(socket);
  const mtuOf = ({ index }: AddressInfo) => {
    const link = links.get(index);
    // An address of the host as a whole: packets with it leave by the link that leads out.
    if (!link || isLoopback(link)) return new KernelFacts(engine).uplinkMtu;
    return link.mtu;
  };
  return named.flatMap((name) => {
    const found = known.find(({ address }) => address.split("/")[0] === canonicalIp(name));
    return found ? [underlayOf(found.address, mtuOf(found))] : [];
  });
}

const isLoopback = ({ flags }: LinkInfo): boolean => (flags & linkFlag.loopback) !== 0;

function underlayOf(text: string, mtu: number): Underlay {
  const [address = "", length] = text.split("/");
  return { address, prefixLength: Number(length), mtu };
}
