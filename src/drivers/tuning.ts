/** Changes to a container's link and to its namespace's sysctls. */
import type { KernelObject, LinkSettings } from "../model/kernel-object.ts";
import { attachmentScope } from "../model/port.ts";
import type { HostFacts } from "./driver.ts";
import type { AttachedPort, Extra } from "./extra.ts";
import { checkAllowed } from "./tuning-allowlist.ts";
import { parseTuningConfig, type TuningConfig } from "./tuning-config.ts";

export const tuning: Extra<TuningConfig> = {
  name: "tuning",
  keys: ["sysctl", "mac", "mtu", "promisc", "allmulti", "txQLen", "dataDir"],
  distinct: ["sysctl"],
  parse: (raw, args) => parseTuningConfig(raw, args?.get("MAC")),

  objects(port, config, facts) {
    const list = config.sysctls.length > 0 ? facts.sysctlAllowlist() : undefined;
    if (list !== undefined) checkAllowed(config, list);
    return [...sysctls(port, config, facts), ...linkSettings(port, config)];
  },
};

function owned({ id, netns }: AttachedPort) {
  return { netns, scope: attachmentScope(id), life: "exclusive" } as const;
}

function sysctls(port: AttachedPort, config: TuningConfig, facts: HostFacts): KernelObject[] {
  return config.sysctls.map(({ path: pattern, value }) => {
    const path = pattern.replace("IFNAME", port.ifName);
    const isOfLink = path.split("/").includes(port.ifName);
    // A link that is only being made has nothing to go back to.
    const isKept = !isOfLink || port.link !== undefined;
    const before = isKept ? facts.sysctl(port.netns, path) : undefined;
    return {
      ...owned(port),
      kind: "sysctl",
      path,
      value,
      ...(isOfLink && { link: port.ifName }),
      ...(before !== undefined && { before }),
    };
  });
}

function linkSettings(port: AttachedPort, config: TuningConfig): KernelObject[] {
  const { sysctls: _, ...settings } = config;
  if (Object.keys(settings).length === 0) return [];
  const before = port.link && pick(port.link, settings);
  const object = { ...owned(port), link: port.ifName, settings, ...(before && { before }) };
  return [{ ...object, kind: "link-settings" }];
}

/** Of what the link has, the settings that are to change. */
function pick(link: LinkSettings, { mac, mtu, promisc, allmulti, txQueueLength }: LinkSettings) {
  return {
    ...(mac !== undefined && { mac: link.mac }),
    ...(mtu !== undefined && { mtu: link.mtu }),
    ...(promisc !== undefined && { promisc: link.promisc }),
    ...(allmulti !== undefined && { allmulti: link.allmulti }),
    ...(txQueueLength !== undefined && { txQueueLength: link.txQueueLength }),
  };
}
