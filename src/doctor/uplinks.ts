/** Physical links in whose place bridges are: half moved, moved for nobody, or nobody can tell. */
import { observeUplinks } from "../engine/kinds/uplink.ts";
import type { UplinkRecordError } from "../engine/uplink/record.ts";
import { type UplinkUse, unreadableUplinks, uplinksInUse } from "../engine/uplink/users.ts";
import { hostNetns } from "../model/kernel-object.ts";
import { type Finding, fault, fine, warning } from "./finding.ts";
import type { Host } from "./host.ts";

/** Nothing on a host without. */
export function uplinks(host: Host): Finding[] {
  return [
    ...unreadableUplinks(host).map(untold),
    ...uplinksInUse(host).map((use) => stateOf(host, use)),
  ];
}

/** What was where before is lost, and ADD refuses the uplink. */
function untold({ path, uplink, remedy }: UplinkRecordError): Finding {
  return fault(`${path} is no readable record of what a bridge took from "${uplink}"`, remedy);
}

function stateOf(host: Host, { uplink, bridge, attachments }: UplinkUse): Finding {
  if (attachments.length === 0) {
    const what = `Bridge "${bridge}" is in the place of "${uplink}", and no container uses it`;
    return warning(what, `netloom uplink release ${uplink}`);
  }
  const place = { netns: hostNetns, scope: "", life: "counted", takeOver: false } as const;
  const wish = {
    ...place,
    kind: "uplink",
    name: uplink,
    bridge,
    isPort: true,
    isBare: true,
  } as const;
  const found = observeUplinks(host.session, [wish])[0];
  if (found?.isPort && found.isBare) {
    return fine(`Bridge "${bridge}" is in the place of "${uplink}"`);
  }
  const what = found?.isPort
    ? `Addresses went back from bridge "${bridge}" to its uplink "${uplink}"`
    : `Link "${uplink}" is no port of bridge "${bridge}", which has its addresses`;
  const again = `netloom uplink release --force ${uplink}`;
  return fault(what, `the next ADD mends it; to have the host's network back at once: ${again}`);
}
