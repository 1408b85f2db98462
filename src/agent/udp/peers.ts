/** From entries to what the process of a tunnel is told. Pure. */
import type { TunnelPeer } from "../../tunnel/router.ts";
import { type Entries, keyOf, type TunnelEntry } from "../routed/entries.ts";

interface WantedTunnel {
  /** The host's own end. */
  readonly local: string;
  readonly entries: Entries<TunnelEntry>;
}

/** By device. What is of a device without an end of its own is nobody's. */
export function tunnelsOf(entries: Entries<TunnelEntry>): Map<string, WantedTunnel> {
  const found = new Map<string, { local: string; entries: Map<string, TunnelEntry> }>();
  for (const entry of entries.values()) {
    if (entry.kind !== "tunnel") continue;
    found.set(entry.device, { local: entry.local, entries: new Map([[keyOf(entry), entry]]) });
  }
  for (const [key, entry] of entries) {
    if (entry.kind === "peer") found.get(entry.device)?.entries.set(key, entry);
  }
  return found;
}

export function peersOf(entries: Entries<TunnelEntry>, port: number): TunnelPeer[] {
  const prefixes = new Map<string, string[]>();
  for (const entry of entries.values()) {
    if (entry.kind !== "peer") continue;
    const behind = prefixes.get(entry.endpoint);
    if (behind) behind.push(entry.dst);
    else prefixes.set(entry.endpoint, [entry.dst]);
  }
  return [...prefixes].map(([address, prefixes]) => ({ endpoint: { address, port }, prefixes }));
}
