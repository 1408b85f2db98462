/** VXLAN links: the kernel's words for ours, for all who make them; those of objects made so. */
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

export type VxlanSettings = VxlanLink["vxlan"];

/** Of a new one. It learns nothing: its entries are told. */
export function newVxlanWords(settings: VxlanSettings): Words {
  const { id, port } = settings;
  // A wrapped packet that is too long is told to its sender, never cut in two.
  return { id, port, learning: false, df: "set", ...changedVxlanWords(settings) };
}

/** Of one that is there: what the kernel changes of it. */
export function changedVxlanWords({ local, ttl, dscp }: VxlanSettings): Words {
  return {
    ...(local.includes(":") ? { local6: local } : { local }),
    ttl,
    tos: dscp === "inherit" ? inheritTos : dscp << 2,
  };
}

/** Makes it, down still. */
export function createVxlan(session: KernelSession, link: VxlanLink): void {
  const { netns, underlay, name, mac, mtu, alias, vxlan, bridgePort } = link;
  const creation = createLink({
    ...{ kind: "vxlan", name, mac, mtu },
    netNsFd: netns === underlay ? undefined : session.namespace(netns).fd,
    vxlan: newVxlanWords(vxlan),
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
  const { netns, name, up, mac, mtu, alias, vxlan, bridgePort } = link;
  const master = link.master === undefined ? undefined : session.indexOf(netns, link.master);
  session.enqueue(
    netns,
    changeVxlan({ name }, changedVxlanWords(vxlan)),
    changeLink({ name }, { up, mac, mtu, alias, master }),
    ...(bridgePort ? [changeBridgePort({ name }, bridgePort)] : []),
  );
}

/** Whether the kernel can make the one of the other: else it is made anew. */
export const isSameSegment = (a: VxlanSettings, b: VxlanSettings): boolean =>
  a.id === b.id && a.port === b.port && a.local.includes(":") === b.local.includes(":");

/** As it is, in our words. */
export function vxlanOf({ vxlan = {} }: LinkInfo): VxlanSettings {
  const { id = 0, local, local6, port = 0, ttl = 0, tos = inheritTos } = vxlan;
  return {
    ...{ id, port, local: local ?? local6 ?? "", ttl },
    dscp: tos === inheritTos ? "inherit" : tos >> 2,
  };
}
