/** A device that the reference's host-device took: marked with its name on the host. */
import type { ReferenceTraces } from "../extend.ts";
import { takeHome } from "../kinds/device.ts";

/** It keeps nothing else, so the host's addresses are not known. */
export const hostDeviceTraces: ReferenceTraces = {
  remove({ session }, { netns, ifName }) {
    if (netns === undefined) return;
    const link = session.namespace(netns).findLink(ifName);
    // Ours bear a mark with a colon, which no link's name has.
    if (!link?.alias || link.alias.includes(":")) return;
    takeHome(session, netns, { link, name: link.alias });
  },
};
