/** Why the kernel refused a link, in the user's words: which parent or kernel, and what to do. */
import { type ParentState, whyRefused } from "../drivers/parent-guard.ts";
import { NetlinkError } from "../kernel/netlink/error.ts";
import {
  type ChildLink,
  isShared,
  type KernelObject,
  type LinkObject,
  type LinkPlace,
} from "../model/kernel-object.ts";
import { ConflictError } from "./conflict.ts";

/** Kind → the kernel's option. */
const options: Readonly<Record<string, string>> = {
  macvlan: "CONFIG_MACVLAN",
  ipvlan: "CONFIG_IPVLAN",
  vlan: "CONFIG_VLAN_8021Q",
  dummy: "CONFIG_DUMMY",
  ifb: "CONFIG_IFB",
  vrf: "CONFIG_NET_VRF",
};
/** Kind → its module, where the name is another. */
const modules: Readonly<Record<string, string>> = { vlan: "8021q" };

/** What the records know of a parent. */
export type StateOf = (parent: LinkPlace) => ParentState;

/** The error of making one of the links among `objects`; any other as it is. */
export function explainLink(
  objects: readonly KernelObject[],
  error: NetlinkError,
  stateOf: StateOf,
): unknown {
  const link = objects.find(
    (object): object is LinkObject =>
      object.kind === "link" && error.op === `create ${object.type} link "${object.name}"`,
  );
  // The hardware address is looked at only when the link is raised, by its index.
  const raised = objects.find((object) => isChild(object) && !isShared(object));
  if (!link && raised && isChild(raised) && error.code === "EADDRINUSE")
    return because(raised, error, stateOf);
  const option = link && options[link.type];
  if (option && error.code === "EOPNOTSUPP") {
    const module = modules[link.type] ?? link.type;
    const extack =
      `this kernel has no ${link.type} links (${option}): load the module (modprobe ${module}), ` +
      "or boot a kernel that has them";
    return new NetlinkError(error.op, error.errno, { extack });
  }
  return link && isChild(link) ? because(link, error, stateOf) : error;
}

function isChild(object: KernelObject): object is ChildLink {
  return object.kind === "link" && "parent" in object;
}

function because(link: ChildLink, error: NetlinkError, stateOf: StateOf): unknown {
  const { code } = error;
  const why = reasonOfChild(link, code) ?? whyRefused(link, code, stateOf(link.parent));
  const op = `create ${link.type} link "${link.name}"`;
  return why ? new ConflictError(`Cannot ${op}: ${why}`, { cause: error }) : error;
}

function reasonOfChild(link: ChildLink, code: string): string | undefined {
  const parent = link.parent.name;
  if (code === "EEXIST" && link.type === "vlan") {
    return (
      `VLAN ${link.vlan?.id} of "${parent}" has a link already, in a container's namespace: ` +
      "detach that container, or take another VLAN"
    );
  }
  return undefined;
}
