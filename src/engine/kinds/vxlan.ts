/** VXLAN links: made in the namespace that their packets travel in, and born in their own. */
import {
  changeBridgePort,
  changeLink,
  changeVxlan,
  createLink,
  type NewLink,
} from "../../kernel/netlink/link.ts";
import type { LinkInfo } from "../../kernel/netlink/link-info.ts";
import type { VxlanLink } from "../../model/kernel-object.ts";
import type { KernelSession } from "../kernel-session.ts";

type Words = NonNullable<Extract<NewLink, { kind: "vxlan" }>["vxlan"]>;

/** The kernel's word for: that of the packet inside. */
const inheritTos = 1;

/** What the kernel changes of one that is there. */
function changeable({ vxlan }: VxlanLink): Words {
  const { local, ttl = 0, dscp } = vxlan;
  return {
    ...(local.includes(":") ? { local6: local } : { local }),
    ttl,
    tos: dscp === undefined ? inheritTos : dscp << 2,
  };
}

/** Makes it, down still. */
export function createVxlan(session: KernelSession, link: VxlanLink): void {
  const { netns, underlay, name, mac, mtu, alias, vxlan, bridgePort } = link;
  const creation = createLink({
    ...{ kind: "vxlan", name, mac, mtu },
    netNsFd: netns === underlay ? undefined : session.namespace(netns).fd,
    // A wrapped packet that is too long is told to its sender, never cut in two.
    vxlan: {
      ...{ id: vxlan.id, port: vxlan.port, learning: false, df: "set" },
      ...changeable(link),
    },
  });
  session.enqueue(underlay, creation);
  const master = link.master === undefined ? undefined : session.indexOf(netns, link.master);
  session.enqueue(
    netns,
    // It is a wire: an address of its own would only make noise on all hosts.
    changeLink({ name }, { alias, master, addrGenMode: "none" }),
    ...(bridgePort ? [changeBridgePort({ name }, bridgePort)] : []),
  );
}

/** Brings one that is there in line, but for port and identifier, which the kernel keeps. */
export function alterVxlan(session: KernelSession, link: VxlanLink): void {
  const { netns, name, up, mac, mtu, alias, bridgePort } = link;
  const master = link.master === undefined ? undefined : session.indexOf(netns, link.master);
  session.enqueue(
    netns,
    changeVxlan({ name }, changeable(link)),
    changeLink({ name }, { up, mac, mtu, alias, master }),
    ...(bridgePort ? [changeBridgePort({ name }, bridgePort)] : []),
  );
}

/** As it is, in our words. */
export function vxlanOf({ vxlan = {} }: LinkInfo): VxlanLink["vxlan"] {
  const { id = 0, local, local6, port = 0, ttl = 0, tos = inheritTos } = vxlan;
  return {
    ...{ id, port, local: local ?? local6 ?? "" },
    ...(ttl !== 0 && { ttl }),
    ...(tos !== inheritTos && { dscp: tos >> 2 }),
  };
}
