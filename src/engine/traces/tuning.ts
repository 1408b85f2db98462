/** What the reference's tuning keeps of a link's settings before it changes them. */
import { referenceDataDir } from "../../drivers/tuning-config.ts";
import { existsSync, readFileSync, removeSync } from "../../kernel/sys/files.ts";
import {
  flag,
  integer,
  macAddress,
  object,
  optional,
  text,
  unlessEmpty,
} from "../../model/parse.ts";
import type { ReferenceTraces, TracedAttachment } from "../extend.ts";
import { applyLinkSettings } from "../kinds/link-settings.ts";

const number = optional(integer(0, 0xffffffff));
const backup = object({
  mac: unlessEmpty(macAddress),
  mtu: number,
  promisc: optional(flag),
  allmulti: optional(flag),
  txQLen: number,
});

/** Written before the change, read and removed by DEL. Sysctls are not in it. */
export const tuningTraces: ReferenceTraces = {
  remove({ session }, of) {
    const path = backupFile(of);
    if (!existsSync(path)) return;
    const { netns, ifName } = of;
    const before = settingsIn(readFileSync(path));
    const isThere = netns !== undefined && session.namespace(netns).findLink(ifName) !== undefined;
    if (before && isThere) {
      const settled = { scope: "", life: "exclusive", settings: before } as const;
      const object = { kind: "link-settings", netns, link: ifName, ...settled } as const;
      applyLinkSettings(session, "update", [object]);
    }
    removeSync(path);
  },
};

function backupFile({ containerId, ifName, raw }: TracedAttachment): string {
  const { dataDir } = object({ dataDir: unlessEmpty(text) })(raw, "");
  return `${dataDir ?? referenceDataDir}/${containerId}_${ifName}.json`;
}

/** Undefined of a file that holds something else: then there is nothing to go back to. */
function settingsIn(json: string) {
  try {
    const { txQLen, mtu, ...rest } = backup(JSON.parse(json), "");
    return { ...rest, mtu: mtu || undefined, txQueueLength: txQLen };
  } catch {
    return undefined;
  }
}
