/** Removes links, for which the kernel lets whoever asks wait some 17 ms. */
import { changeLink, deleteLink, deleteLinkGroup } from "../kernel/netlink/link.ts";
import type { Request } from "../kernel/netlink/message.ts";

/** Groups of links that are on their way out; each process has one of its own. */
const firstGroup = 0x6c000000;

/** Several links go as a group: each alone would have the kernel wait once more. */
export function deletionOf(links: readonly { readonly name: string }[]): readonly Request[] {
  if (links.length < 2) return links.map(({ name }) => deleteLink({ name }));
  const group = firstGroup + (process.pid & 0xffffff);
  const marks = links.map(({ name }) => ({
    ...changeLink({ name }, { group }),
    tolerate: ["ENODEV"],
  }));
  return [...marks, deleteLinkGroup(group)];
}
