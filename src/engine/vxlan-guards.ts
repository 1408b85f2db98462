/** Tables that agents left which keep strangers out of VXLAN links, where no such link is left. */
import { inNetns } from "../kernel/netns/netns.ts";
import { NftError } from "../kernel/nft/error.ts";
import { readIfThere } from "../kernel/sys/whole-file.ts";
import { isVxlanGuardTable, vxlanGuardPorts } from "../model/encapsulation.ts";
import { hostNetns } from "../model/kernel-object.ts";
import type { KernelSession } from "./kernel-session.ts";

const family = "inet";

/** Removes them, and gives their names. Throws NftError, NetnsError, FileError. */
export function removeUnusedGuards(session: KernelSession): string[] {
  const { nft } = session;
  const tables = nft.tables(family).filter(isVxlanGuardTable);
  if (tables.length === 0) return [];
  // Links of overlays are in namespaces of their own; the host's has the ports of all.
  const open = portsOf(session.namespace(hostNetns).path);
  const unused = tables.filter((table) => !guardedPorts(nft, table).some((port) => open.has(port)));
  nft.change(unused.map((name) => ({ op: "delete-table", family, name })));
  return unused;
}

function guardedPorts(nft: KernelSession["nft"], table: string): number[] {
  try {
    return nft
      .elements({ family, table, set: vxlanGuardPorts })
      .flatMap(({ key: [port] }) => (port && "l4Port" in port ? [port.l4Port] : []));
  } catch (error) {
    if (error instanceof NftError && error.code === "ENOENT") return [];
    throw error;
  }
}

/** UDP ports at which somebody listens, the kernel's own too. Source: proc(5), /proc/net/udp. */
function portsOf(netns: string): Set<number> {
  const texts = inNetns(netns, () =>
    ["udp", "udp6"].map((name) => readIfThere(`/proc/thread-self/net/${name}`) ?? ""),
  );
  const found = texts.flatMap((text) => [...text.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) /gm)]);
  return new Set(found.map(([, port]) => Number.parseInt(port!, 16)));
}
