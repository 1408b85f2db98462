/** Families that a container has a default route of by another network. */
import type { ResidentEngine } from "../../engine/resident.ts";
import { listRoutes } from "../../kernel/netlink/route-info.ts";
import { addressFamily } from "../../kernel/netlink/rtm.ts";

const mainTable = 254;
const families = [
  { family: 4, filter: { family: addressFamily.inet, table: mainTable }, everywhere: "0.0.0.0/0" },
  { family: 6, filter: { family: addressFamily.inet6, table: mainTable }, everywhere: "::/0" },
] as const;

/** Where a container's links are, and which of them is not looked at. */
interface Place {
  readonly netns: string;
  readonly ifName: string;
}

/**
 * As the container's namespace has them now over links but this one, whoever made them. Throws
 * NetlinkError, SysError.
 */
export function familiesWithDefault(
  engine: ResidentEngine,
  { netns, ifName }: Place,
): Promise<(4 | 6)[]> {
  return engine.run(({ session }) => {
    const namespace = session.namespace(netns);
    const own = namespace.findLink(ifName)?.index;
    return families.flatMap(({ family, filter, everywhere }) =>
      listRoutes(namespace.socket, filter).some(
        ({ dst, oif }) => dst === everywhere && (own === undefined || oif !== own),
      )
        ? [family]
        : [],
    );
  });
}
