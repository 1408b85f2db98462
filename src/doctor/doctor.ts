/** Looks at a host from all sides. Changes nothing. */
import { addresses } from "./addresses.ts";
import { agents } from "./agents.ts";
import { directories } from "./directories.ts";
import { type Finding, fault, type Level, type Section } from "./finding.ts";
import { firewalls } from "./firewalls.ts";
import type { Host } from "./host.ts";
import { kernelFeatures } from "./kernel-features.ts";
import { leftovers } from "./leftovers.ts";
import { libnftables } from "./libnftables.ts";
import { networks } from "./networks.ts";
import { sysctls } from "./sysctls.ts";

/** Area → what looks at it, in the order told. */
const areas: Readonly<Record<string, (host: Host) => Finding[] | Promise<Finding[]>>> = {
  kernel: kernelFeatures,
  libnftables,
  "kernel settings": sysctls,
  "other firewalls": firewalls,
  networks,
  addresses,
  leftovers,
  "declared networks": agents,
  folders: directories,
};

/** Every area's findings. What keeps one from being looked at is a finding itself. */
export async function examine(host: Host): Promise<Section[]> {
  const unavailable = await host.session.loadNft().then(
    () => undefined,
    (error) => error as Error,
  );
  const sections: Section[] = [];
  for (const [area, look] of Object.entries(areas)) {
    try {
      sections.push({ area, findings: await look(host) });
    } catch (error) {
      const reason = (unavailable ?? (error as Error)).message;
      const findings = [fault(`Cannot look at it: ${reason}`, "run it as root")];
      sections.push({ area, findings });
    }
  }
  return sections;
}

/** 0 fine, 1 with a warning, 2 with a fault. */
export function statusOf(sections: readonly Section[]): number {
  const worst: Readonly<Record<Level, number>> = { fine: 0, note: 0, warning: 1, fault: 2 };
  const all = sections.flatMap(({ findings }) => findings.map(({ level }) => worst[level]));
  return Math.max(0, ...all);
}
