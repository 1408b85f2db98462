/** A routing domain of the container's own, by a VRF that its link is put into. */
import { ConfigError } from "../model/config-error.ts";
import type { KernelObject } from "../model/kernel-object.ts";
import { integer, object, record, withDefault } from "../model/parse.ts";
import { attachmentScope } from "../model/port.ts";
import type { HostFacts } from "./driver.ts";
import type { AttachedPort, Extra } from "./extra.ts";
import { linkName } from "./link-name.ts";

/** Which VRF. */
export interface VrfConfig {
  readonly vrfname: string;
  /** 0: that of the VRF if it exists, else the first that is free. */
  readonly table: number;
}

const fields = object({
  vrfname: linkName,
  table: withDefault(integer(0, 0xffffffff), 0),
});

const kernelProtocol = 2;
/** Tables that the kernel has from the start: default, main, local. */
const kernelTables = [253, 254, 255];

export const vrf: Extra<VrfConfig> = {
  name: "vrf",
  keys: ["vrfname", "table"],
  parse: (raw) => fields(record(raw, ""), ""),

  objects(port, config, facts) {
    if (config.vrfname === port.ifName) {
      throw new ConfigError("vrfname", `"${port.ifName}" is the container's link: name another`);
    }
    const table = tableOf(port, config, facts);
    const { netns } = port;
    const own = { netns, scope: attachmentScope(port.id), life: "exclusive" } as const;
    return [
      {
        ...{ netns, scope: `netns:${netns}`, life: "counted", kind: "link", type: "vrf" },
        ...{ name: config.vrfname, up: true, alias: facts.sharedAlias, vrf: { table } },
      },
      { ...own, kind: "vrf-port", link: port.ifName, vrf: config.vrfname },
      ...routesOfLinkToCome(port, table),
    ];
  },
};

/** Two VRFs of one table would route for each other. */
function tableOf({ netns }: AttachedPort, config: VrfConfig, facts: HostFacts): number {
  const { vrfname, table } = config;
  const vrfs = facts.vrfs(netns);
  const same = vrfs.find(({ name }) => name === vrfname);
  if (same && table !== 0 && table !== same.table) {
    throw new ConfigError(
      "table",
      `${table} is not that of VRF "${vrfname}", which exists with ${same.table}: ` +
        "take that, leave the field out, or name another VRF",
    );
  }
  const link = facts.link({ netns, name: vrfname });
  if (link && !same) {
    throw new ConfigError("vrfname", `link "${vrfname}" exists and is no VRF: name another`);
  }
  if (same) return same.table;
  if (table !== 0) return table;
  const taken = new Set([...kernelTables, ...vrfs.map((other) => other.table)]);
  let free = 1;
  while (taken.has(free)) free++;
  return free;
}

/**
 * A link that is there takes its routes along. Those of one that is only being made are made where
 * they belong at once: the kernel looks for gateways in the VRF's table alone.
 */
function routesOfLinkToCome(port: AttachedPort, table: number): KernelObject[] {
  if (port.link) return [];
  const own = { netns: port.netns, scope: attachmentScope(port.id), life: "exclusive" } as const;
  const routes = (port.linkRoutes ?? []).filter(({ protocol }) => protocol !== kernelProtocol);
  return routes.map((route) => ({
    ...{ ...own, kind: "route", link: port.ifName, ...route, table, movedFrom: 254 },
  }));
}
