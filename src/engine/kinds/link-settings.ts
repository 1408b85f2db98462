/** Settings of a link that another made: looked up, changed, and written back on delete. */
import { changeBridgePort, changeLink } from "../../kernel/netlink/link.ts";
import { getLink, type LinkInfo } from "../../kernel/netlink/link-info.ts";
import type {
  KernelObject,
  LinkPlace,
  LinkSettings,
  LinkSettingsObject,
} from "../../model/kernel-object.ts";
import type { Step } from "../../plan/plan.ts";
import type { KernelSession } from "../kernel-session.ts";

/** The settings that a link has, as far as the kernel tells them. */
export function settingsOf(link: LinkInfo): LinkSettings {
  const { mac, mtu, promisc, allmulti, txQueueLength, bridgePort } = link;
  return { mac, mtu, promisc, allmulti, txQueueLength, hairpin: bridgePort?.hairpin };
}

/** What changes a link that the same attachment makes. */
export function settingsOn(
  objects: readonly KernelObject[],
  { netns, name }: LinkPlace,
): LinkSettings | undefined {
  const isOn = (object: KernelObject): object is LinkSettingsObject =>
    object.kind === "link-settings" && object.netns === netns && object.link === name;
  return objects.find(isOn)?.settings;
}

export function observeLinkSettings(
  session: KernelSession,
  objects: readonly LinkSettingsObject[],
): LinkSettingsObject[] {
  return objects.flatMap((wanted) => {
    const found = session.namespace(wanted.netns).findLink(wanted.link);
    if (!found) return [];
    const master =
      wanted.settings.master === undefined ? {} : { master: masterOf(session, wanted) };
    return [{ ...wanted, settings: { ...settingsOf(found), ...master } }];
  });
}

/** Of no master: out of the one that it has. */
function enslave(
  session: KernelSession,
  target: { readonly name: string },
  { netns, master }: { readonly netns: string; readonly master: string },
) {
  return changeLink(target, { master: master === "" ? 0 : session.indexOf(netns, master) });
}

/** The name of the link's master; "" without one. */
function masterOf(session: KernelSession, { netns, link }: LinkSettingsObject): string {
  const { socket } = session.namespace(netns);
  const index = session.namespace(netns).findLink(link)?.master;
  return (index !== undefined && getLink(socket, { index })?.name) || "";
}

export function applyLinkSettings(
  session: KernelSession,
  op: Step["op"],
  objects: readonly LinkSettingsObject[],
): void {
  for (const { netns, link, settings, before } of objects) {
    const wanted = op === "delete" ? before : settings;
    if (wanted === undefined) continue;
    const { hairpin, master, ...own } = wanted;
    // By name, so that a link that is gone is no error of a look-up, but of the request.
    const target = { name: link };
    const requests = [
      ...(Object.keys(own).length > 0 ? [changeLink(target, own)] : []),
      ...(master === undefined ? [] : [enslave(session, target, { netns, master })]),
      ...(hairpin === undefined ? [] : [changeBridgePort(target, { hairpin })]),
    ];
    const gone = op === "delete" ? { tolerate: ["ENODEV"] } : {};
    session.enqueue(netns, ...requests.map((request) => ({ ...request, ...gone })));
    session.flush();
    session.namespace(netns).forget(link);
  }
}
