/** The loopback link of a namespace. Every namespace is born with it: it is raised, never made. */
import type { ExistingLink } from "../model/kernel-object.ts";

/** `lo` of the namespace at `netns`, raised or lowered. The kernel gives it its addresses. */
export function loopbackLink(netns: string, up: boolean): ExistingLink {
  const placed = { netns, scope: `netns:${netns}`, life: "shared" } as const;
  return { ...placed, kind: "link", type: "existing", name: "lo", up };
}
