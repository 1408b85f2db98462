/** The VRF that the reference's plugin put a link into. */
import { deleteLink } from "../../kernel/netlink/link.ts";
import { listLinks } from "../../kernel/netlink/link-info.ts";
import { object, text, withDefault } from "../../model/parse.ts";
import type { Engine } from "../engine.ts";
import type { ReferenceTraces, TracedAttachment } from "../extend.ts";
import { move } from "../kinds/vrf-port.ts";

/** A VRF goes with the last link in it. */
export const vrfTraces: ReferenceTraces = {
  remove(engine, of) {
    const vrf = vrfOf(engine, of);
    if (vrf === undefined) return;
    const { netns = "", ifName } = of;
    move(engine.session, { netns, link: ifName }, { table: 254 });
    const { socket } = engine.session.namespace(netns);
    if (listLinks(socket, { master: vrf }).length === 0) socket.run([deleteLink({ index: vrf })]);
  },
  has: (engine, of) => vrfOf(engine, of) !== undefined,
};

/** Index of the configured VRF, if the container's link is in it. */
function vrfOf({ session }: Engine, { netns, ifName, raw }: TracedAttachment): number | undefined {
  if (netns === undefined) return undefined;
  const { vrfname } = object({ vrfname: withDefault(text, "") })(raw, "");
  const namespace = session.namespace(netns);
  const vrf = vrfname === "" ? undefined : namespace.findLink(vrfname);
  const isIn = vrf?.kind === "vrf" && namespace.findLink(ifName)?.master === vrf.index;
  return isIn ? vrf.index : undefined;
}
