/** Everything that the type `netloom` adds under a key of its own, in the order of a chain. */
import type { Extra } from "./extra.ts";

/** Name → its code, loaded where it is asked for: each plugin call starts anew. */
export const extras: Readonly<Record<string, () => Promise<Extra<any>>>> = {
  firewall: async () => (await import("./firewall.ts")).firewall,
  bandwidth: async () => (await import("./bandwidth.ts")).bandwidth,
  sbr: async () => (await import("./sbr.ts")).sbr,
  tuning: async () => (await import("./tuning.ts")).tuning,
  vrf: async () => (await import("./vrf.ts")).vrf,
};
