/** Addresses that other hosts reach this one by: those of the link that its default route uses. */
import { KernelFacts } from "../../engine/host-facts.ts";
import type { ResidentEngine } from "../../engine/resident.ts";
import { hostNetns } from "../../model/kernel-object.ts";

/** Without prefix lengths; none without a default route. Throws NetlinkError. */
export function hostAddresses(engine: ResidentEngine): Promise<string[]> {
  return engine.run((opened) => {
    const facts = new KernelFacts(opened);
    const name = facts.defaultLink(hostNetns);
    if (name === undefined) return [];
    return facts
      .addresses({ netns: hostNetns, name })
      .map((address) => address.split("/")[0]!)
      .filter((address) => !address.startsWith("fe80:"));
  });
}
