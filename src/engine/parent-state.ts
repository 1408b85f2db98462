/** Who is on a parent, by the records: asked when the kernel has refused one more. */
import type { ParentState, Tenant } from "../drivers/parent-guard.ts";
import type { LinkPlace } from "../model/kernel-object.ts";
import { bootId } from "./boot.ts";
import type { Engine } from "./engine.ts";
import { KernelFacts } from "./host-facts.ts";
import { type AttachmentRecord, listRecords } from "./record.ts";

/** The parent as it is, and the links that attachments other than `record` have on it. */
export function parentState(
  engine: Engine,
  record: AttachmentRecord,
  { netns, name }: LinkPlace,
): ParentState {
  const others = listRecords(engine.paths).filter(
    ({ id, boot }) => id !== record.id && boot === bootId(),
  );
  const tenants = others.flatMap(({ objects, containerId }) =>
    objects.flatMap((link): Tenant[] => {
      if (link.kind !== "link" || !("parent" in link)) return [];
      const { parent } = link;
      return parent.netns === netns && parent.name === name ? [{ link, containerId }] : [];
    }),
  );
  return { parent: new KernelFacts(engine).link({ netns, name }), tenants };
}
