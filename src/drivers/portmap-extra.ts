/** Published ports as what is added to an attachment. */
import { ConfigError } from "../model/config-error.ts";
import { hostNetns, type LinkSettingsObject } from "../model/kernel-object.ts";
import { attachmentScope } from "../model/port.ts";
import type { HostFacts } from "./driver.ts";
import type { AttachedPort, Extra } from "./extra.ts";
import { portmapObjects } from "./portmap.ts";
import { type PortmapConfig, parsePortmapConfig } from "./portmap-config.ts";

export const portmap: Extra<PortmapConfig> = {
  name: "portmap",
  // They stand flat beside a driver's own.
  keys: [],

  parse(raw) {
    const config = parsePortmapConfig(raw);
    return config.mappings.length > 0 ? config : undefined;
  },

  objects(port, config, facts) {
    const { id, alias, ips, via } = port;
    if (ips.length === 0) {
      throw new ConfigError("prevResult.ips", "is empty: no address to publish ports of");
    }
    return [
      ...portmapObjects({ id, alias, ips, via, ...config }),
      ...(config.hairpin ? hairpin(port, facts) : []),
    ];
  },
};

/** As `withHairpin`, for a port of a bridge that another plugin made. */
function hairpin(port: AttachedPort, facts: HostFacts): LinkSettingsObject[] {
  if (port.link === undefined || port.hostLink === undefined) return [];
  const link = facts.link({ netns: hostNetns, name: port.hostLink });
  if (link?.hairpin !== false) return [];
  return [
    {
      kind: "link-settings",
      netns: hostNetns,
      scope: attachmentScope(port.id),
      life: "exclusive",
      link: port.hostLink,
      settings: { hairpin: true },
      before: { hairpin: false },
    },
  ];
}
