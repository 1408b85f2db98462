/** Links beside the container's own that an attachment brought along. */
import { hostNetns, isShared, type KernelObject, type LinkObject } from "../model/kernel-object.ts";

/** The object if it is such a link, to be listed in the result. */
export function addedLink(object: KernelObject): LinkObject[] {
  return object.kind === "link" && !isShared(object) && object.netns === hostNetns ? [object] : [];
}
